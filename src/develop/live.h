/*
 * What an open page hears: `/_shallot/live`, a stream of events, and `/_shallot/live.js`, the
 * script that listens. The stand-in speaks the same language.
 *
 *     event: hello    data: {"from":"4711.3","stands_in":false}
 *     event: build    data: {"state":"good","number":17}
 *
 * Both are sent at once to whoever comes, build again with every change.
 *
 *   - from: names the code that serves. A page knows which code it came from (data-from of the
 *     script's element), and is loaded anew when that is another.
 *   - stands_in: this is not the program but what stands in for it while there is none. A page
 *     of a program stays, and shows what is wrong over it.
 *   - state: "building"; "good"; "failed", the build; "kept", new code did not start and the old
 *     one serves on; "crashed", it did not start and there is no old one. In the last three
 *     `GET /_shallot/build` is what there is to show, as a piece of HTML.
 *   - number: another one with each build, so that a page knows whether it shows this one.
 */
#ifndef SL__DEVELOP_LIVE_H
#define SL__DEVELOP_LIVE_H

#include "shallot/common.h"

#define SL__LIVE_FROM_MAX 32

/** Begins to listen to what the master announces. 0 or -ENOMEM. */
int sl__live_attach(sl_app *app);

/** Adds the stream, and what it is about, to the router below /_shallot. 0 or a negative error. */
int sl__live_names(sl_router *r);

/** What names the code of this process: the same in all workers of a generation. */
void sl__live_from(sl_app *app, char to[SL__LIVE_FROM_MAX]);

#endif
