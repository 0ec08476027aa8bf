/* SPDX-License-Identifier: MIT */
#include "server/io/poller.h"

#include <assert.h>
#include <unistd.h>

static struct epoll_event wanted(struct conn_id id, unsigned interest)
{
    uint32_t events = (interest & POLLER_READ ? EPOLLIN : 0u) | (interest & POLLER_WRITE ? EPOLLOUT : 0u) |
                      (interest & POLLER_END ? EPOLLRDHUP | EPOLLONESHOT : 0u);
    return (struct epoll_event){.events = events, .data.u64 = (uint64_t)id.generation << 32 | id.slot};
}

static void look(uv_poll_t *poll, int status, int events)
{
    struct poller *p = poll->data;
    (void)status;
    (void)events;
    int n = epoll_wait(p->fd, p->events, POLLER_EVENTS, 0);
    p->more = n == POLLER_EVENTS;
    for (int i = 0; i < n; i++) {
        const struct epoll_event *e = &p->events[i];
        const struct conn_id id = {.slot = (uint32_t)e->data.u64, .generation = (uint32_t)(e->data.u64 >> 32)};
        unsigned happened = (e->events & EPOLLIN ? POLLER_READ : 0u) | (e->events & EPOLLOUT ? POLLER_WRITE : 0u) |
                            (e->events & (EPOLLERR | EPOLLHUP) ? POLLER_BROKEN : 0u) |
                            (e->events & EPOLLRDHUP ? POLLER_END : 0u);
        p->event(p->ctx, id, happened);
    }
}

bool poller_open(struct poller *p, uv_loop_t *loop, poller_event *event, void *ctx)
{
    p->event = event;
    p->ctx = ctx;
    p->fd = epoll_create1(EPOLL_CLOEXEC);
    p->polled = p->fd >= 0 && uv_poll_init(loop, &p->poll, p->fd) == 0;
    p->poll.data = p;
    return p->polled && uv_poll_start(&p->poll, UV_READABLE, look) == 0;
}

static void closed(uv_handle_t *handle)
{
    struct poller *p = handle->data;
    close(p->fd);
    p->fd = -1;
}

void poller_close(struct poller *p)
{
    if (p->polled)
        uv_close((uv_handle_t *)&p->poll, closed);
    else if (p->fd >= 0)
        close(p->fd);
    p->polled = false;
}

bool poller_add(struct poller *p, int fd, struct conn_id id, unsigned interest)
{
    struct epoll_event e = wanted(id, interest);
    return epoll_ctl(p->fd, EPOLL_CTL_ADD, fd, &e) == 0;
}

void poller_set(struct poller *p, int fd, struct conn_id id, unsigned interest)
{
    struct epoll_event e = wanted(id, interest);
    int changed = epoll_ctl(p->fd, EPOLL_CTL_MOD, fd, &e);
    assert(changed == 0);
    (void)changed;
}

void poller_remove(struct poller *p, int fd)
{
    epoll_ctl(p->fd, EPOLL_CTL_DEL, fd, NULL);
}
