/*
 * Coders that are kept, so that a request finds one that is warm.
 *
 * compress.c comes here with a body that is whole, for which there is one compressor of each coding
 * (nothing waits while it works), or takes a coder for a stream, which it may keep as long as its
 * client likes. Those cost real memory, so all of them together stay within a budget; over it an
 * answer goes out as it is. A few are kept when they come back.
 */
#include "coding.h"

#include <stdlib.h>

#define IDLE_MOST ((size_t)8 << 20) /* octets of each coding that are kept for the next stream */

/* Runs one aim to its end, or the end of the room. */
static bool run(const struct sl_compress_coding *coding, void *compressor,
                struct sl_compress_io *io)
{
    int r = 1;

    while (r > 0 && io->out_room > 0)
        r = coding->step(compressor, io, SL_COMPRESS_END);
    return r == 0;
}

size_t sl_compress_at_once(struct sl_compress_coders *coders, const void *in, size_t len, char *out,
                           size_t room)
{
    struct sl_compress_io io = {in, len, out, room};

    if (!coders->whole)
        coders->whole = coders->coding->open(coders->level, true);
    if (!coders->whole || !coders->coding->begin(coders->whole, (int64_t)len) ||
        !run(coders->coding, coders->whole, &io))
        return 0;
    return room - io.out_room;
}

static size_t memory_of(const struct sl_compress_coders *coders)
{
    return sizeof(struct sl_compress_coder) + coders->coding->memory(coders->level);
}

static void discard(struct sl_compress_coder *coder)
{
    *coder->home->budget += memory_of(coder->home);
    coder->home->coding->close(coder->compressor);
    free(coder);
}

static struct sl_compress_coder *make(struct sl_compress_coders *coders)
{
    struct sl_compress_coder *coder;

    if (*coders->budget < memory_of(coders))
        return NULL;
    coder = malloc(sizeof *coder);
    if (!coder)
        return NULL;
    coder->home = coders;
    coder->compressor = coders->coding->open(coders->level, false);
    if (!coder->compressor) {
        free(coder);
        return NULL;
    }
    *coders->budget -= memory_of(coders);
    return coder;
}

struct sl_compress_coder *sl_compress_take(struct sl_compress_coders *coders, int64_t len)
{
    struct sl_compress_coder *coder = coders->idle;

    if (coder) {
        coders->idle = coder->next;
        coders->idle_count--;
    } else {
        coder = make(coders);
    }
    if (coder && !coders->coding->begin(coder->compressor, len)) {
        discard(coder);
        return NULL;
    }
    return coder;
}

void sl_compress_give(struct sl_compress_coder *coder)
{
    struct sl_compress_coders *home = coder->home;

    if (home->idle_count >= IDLE_MOST / memory_of(home)) {
        discard(coder);
        return;
    }
    coder->next = home->idle;
    home->idle = coder;
    home->idle_count++;
}

void sl_compress_finish(struct sl_compress_coders *coders)
{
    struct sl_compress_coder *coder;

    while ((coder = coders->idle)) {
        coders->idle = coder->next;
        discard(coder);
    }
    if (coders->whole)
        coders->coding->close(coders->whole);
    coders->whole = NULL;
}
