/*
 * Frames: what master and worker say to each other. A batch is one SOCK_SEQPACKET packet of at most
 * 64 KiB holding whole frames; descriptors travel with the batch, in the order of the frames that
 * own them.
 *
 * Both ends are the same machine, but not always the same version of Shallot: HELLO carries
 * SL__CHANNEL_VERSION, and a mismatch refuses the worker. Bodies are little structs of this file,
 * native byte order, padded to 8.
 */
#ifndef SL__CLUSTER_FRAME_H
#define SL__CLUSTER_FRAME_H

#include <stdint.h>

#include "base/str.h"

#define SL__CHANNEL_VERSION 2u
#define SL__BATCH_MAX ((size_t)65536) /* octets of one packet */
#define SL__TOPIC_MAX 255u
#define SL__BATCH_FDS 32 /* descriptors of one packet (the kernel allows 253) */
#define SL__INLINE_MAX                                                                             \
    ((size_t)32768) /* a message with topic and frame over this travels as a sealed memfd */

enum sl__frame_type {
    /* worker -> master */
    SL__FRAME_HELLO = 1, /* sl__hello, then listener specs and share names (cluster/hello.h) */
    SL__FRAME_READY,     /* accepting, or able to (HOLD) */
    SL__FRAME_SEND,      /* message; target says to whom */
    SL__FRAME_STATE,     /* answer to ASK; target: the position asked with; body: the snapshot */
    SL__FRAME_ONCE_ASK,  /* topic: name */
    SL__FRAME_ONCE_DONE, /* topic: name; target: 1 succeeded, 0 failed */
    SL__FRAME_GIVE, /* an idle connection; fd; target: index of its listener in this worker's HELLO
                     */
    SL__FRAME_FAILED, /* the worker gives up starting; topic: empty; body: the reason as text */
    SL__FRAME_REGION = 24, /* before HELLO; topic: name; body: struct sl__shape: this memory is
                              wanted, and SHARED answers */
    SL__FRAME_ANSWER,      /* to a QUESTION; target: its number; body: text */
    SL__FRAME_RETIRE,      /* the worker wants to be replaced; topic: why */
    SL__FRAME_SHUT,        /* it accepts no more, and has given what was idle; only after HOLD */
    /* master -> worker */
    SL__FRAME_WELCOME = 32, /* listening descriptors: as many WELCOME frames as listeners, target:
                               index; then JOINED follows in the stream */
    SL__FRAME_MESSAGE,      /* from: sender */
    SL__FRAME_GAP,          /* body: uint64_t missed */
    SL__FRAME_ASK,          /* give your state; target: position, to be repeated in STATE */
    SL__FRAME_JOIN_STATE,   /* body: a snapshot to take */
    SL__FRAME_JOINED,       /* you are at the present: start, then say READY */
    SL__FRAME_ONCE_GRANT,   /* topic: name: run it */
    SL__FRAME_DRAIN,        /* target: enum sl__drain_kind; body: struct sl__drain_order */
    SL__FRAME_ADOPT,        /* a connection of the earlier generation; fd; target: listener index */
    SL__FRAME_SHARED = 56,  /* topic: name; fd: the memory; before WELCOME */
    SL__FRAME_QUESTION,     /* of an operator; topic: what is asked; target: number for ANSWER */
    SL__FRAME_HOLD,         /* before JOINED: once ready, wait for SERVE; leaving, say SHUT */
    SL__FRAME_SERVE,        /* accept */
    /* Requests between workers, and what comes of them. The asker numbers its requests.
       worker -> master: from: the number; target: the answerer (SL__TO_ANY: the master chooses) in
       REQUEST and FORGET, the asker in REPLY and REFUSAL. master -> worker: target: the number;
       from: the asker in REQUEST, the answerer in REPLY and REFUSAL. */
    SL__FRAME_REQUEST = 64, /* topic, body */
    SL__FRAME_REPLY,        /* body */
    SL__FRAME_REFUSAL,      /* there will be no reply; body: int32_t, a negative error */
    SL__FRAME_FORGET,       /* worker -> master: the asker waits no longer */
};

enum sl__target_special {
    SL__TO_ALL = 0xffffffffu,
    SL__TO_OTHERS = 0xfffffffeu,
    SL__TO_MASTER = 0,
    SL__TO_RETAINED = 0xfffffffdu,
    SL__TO_ANY = 0xfffffffcu /* of a REQUEST */
};

enum sl__frame_flags {
    SL__FRAME_HAS_FD = 1,  /* owns the next descriptor of the batch */
    SL__FRAME_BODY_FD = 2, /* the body is in that descriptor, a sealed memfd of body_len octets;
                              never without SL__FRAME_HAS_FD (sl__frame_write() sees to it) */
};

/** On the wire; followed by topic (with NUL), padding to 8, body, padding to 8. */
struct sl__frame_head {
    uint32_t size; /* of the whole frame in this batch, a multiple of 8 */
    uint8_t type;
    uint8_t flags;
    uint16_t topic_len; /* without NUL, at most 255 */
    uint32_t from;      /* sender's worker id, filled in by the master; see SL__FRAME_REQUEST */
    uint32_t target;
    uint64_t body_len; /* in the batch, or in the memfd with SL__FRAME_BODY_FD */
};

/** A frame read from a batch; pointers into the batch. */
struct sl__frame {
    struct sl__frame_head head;
    const char *topic; /* NUL-terminated */
    const void *body;  /* aligned to 8; NULL with SL__FRAME_BODY_FD */
    int fd;            /* owned by the frame's reader; -1 */
};

struct sl__drain_order {
    int64_t deadline_ns; /* from now */
    int64_t grace_ns;
};

/** Size on the wire of a frame with this topic and inline body (0 with SL__FRAME_BODY_FD). */
size_t sl__frame_size(size_t topic_len, size_t body_len);
/**
 * Writes a frame at @p at (room for sl__frame_size(), aligned to 8): size, topic_len, paddings and
 * NUL are filled in; body_len is the caller's. With SL__FRAME_BODY_FD the body is not written.
 *
 * @param topic  NUL-terminated, at most SL__TOPIC_MAX octets; NULL: empty
 * @return       its size
 */
size_t sl__frame_write(void *at, const struct sl__frame_head *head, const char *topic,
                       const void *body);
/**
 * Reads the next frame of a batch (aligned to 8) at *at, taking descriptors from fds[*fd_at].
 * 1: a frame; 0: the batch is at its end; -EBADMSG: broken, nothing was taken. Descriptors from
 * *fd_at on stay the caller's, who closes what the batch did not name.
 */
int sl__frame_read(const void *batch, size_t len, size_t *at, const int *fds, size_t fd_count,
                   size_t *fd_at, struct sl__frame *ret);

#endif
