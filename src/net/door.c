/*
 * Closing a listening socket resets the connections that wait in its queue. Accepting until the
 * queue is empty and then closing is not enough: between the two somebody may come in.
 *
 * So the door is shut before: a packet filter on the socket drops whatever wants to begin a
 * connection (SYN without ACK, RFC 9293 §3.5). The master comes here when it stops; after that
 * workers accept what is queued, and close.
 */
#include "net/door.h"

#include <linux/filter.h>
#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#define TCP_FLAGS 13 /* offset in the header, where the filter begins to read */
#define SYN 0x02
#define SYN_OR_ACK 0x12

void sl__door_shut(int fd)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, TCP_FLAGS),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, SYN_OR_ACK),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYN, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    int domain = 0;
    socklen_t len = sizeof domain;

    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len);
    if (domain != AF_INET && domain != AF_INET6)
        return;
    /* Where filters are forbidden, the gap of some microseconds remains. */
    setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

/* It stays bound, but SO_REUSEADDR lets another be bound beside a socket that does not listen. */
void sl__door_give_up(int fd)
{
    shutdown(fd, SHUT_RDWR);
}
