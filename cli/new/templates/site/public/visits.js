const answer = await fetch('/visits', { method: 'POST' })
document.querySelector('#visits').textContent = answer.ok ? await answer.text() : '?'
