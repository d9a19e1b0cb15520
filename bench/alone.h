/*
 * Makes any program serve in its own process, so that an instrument needs to follow only one: put
 * before its source by -include.
 */
#include <shallot.h>

#undef sl_new
#define sl_new(...)                                                                                \
    sl_new_with(&(sl_options){.size = sizeof(sl_options), .standalone = true, __VA_ARGS__})
