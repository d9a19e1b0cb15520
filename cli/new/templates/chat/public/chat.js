const lines = document.querySelector('#lines')
const form = document.querySelector('#say')
const state = document.querySelector('#state')

// Each name has a colour of its own.
function hue(name) {
  let sum = 0
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)) % 997
  return sum * 137 % 360
}

function show(line) {
  const [, name, text] = line.match(/^(.*?): (.*)$/s) ?? [, '', line]
  const item = document.createElement('p')
  const who = document.createElement('b')
  who.textContent = name
  item.append(who, text)
  item.style.setProperty('--hue', hue(name))
  item.classList.toggle('mine', name === form.name.value)
  item.classList.toggle('more', lines.lastElementChild?.firstChild.textContent === name)
  lines.append(item)
  lines.scrollTop = lines.scrollHeight
}

// The browser comes back by itself when its worker was replaced, and is told the last lines again.
const source = new EventSource('/events')
source.addEventListener('worker', e => {
  lines.replaceChildren()
  state.textContent = `worker ${e.data}`
  state.className = 'here'
})
source.addEventListener('chat', e => show(e.data))
source.onerror = () => {
  state.textContent = 'coming back'
  state.className = ''
}

form.elements.name.value = localStorage.getItem('name') ?? ''
form.elements[form.elements.name.value ? 'text' : 'name'].focus()
form.addEventListener('submit', async e => {
  e.preventDefault()
  const { name, text } = form.elements
  localStorage.setItem('name', name.value)
  const answer = await fetch('/say', { method: 'POST', body: new URLSearchParams(new FormData(form)) }).catch(() => null)
  if (answer?.ok) text.value = ''
  else state.textContent = answer ? await answer.text() : 'not sent: try again'
  text.focus()
})
