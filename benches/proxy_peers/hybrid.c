/* What a forwarder can cost at least: one thread, edge-triggered epoll, small messages copied through one shared
 * 64 KiB buffer, and splice(2) through a pooled pipe once a receive fills it.
 * usage: hybrid LISTEN_PORT:UPSTREAM_PORT [...]      (127.0.0.1 only)
 * Pipes are borrowed only while bytes are in flight, so an idle connection costs two sockets and one small struct. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUF (64 * 1024)
#define PIPE_SZ (256 * 1024)
#define BUDGET 16

struct pair;
struct dir {
  int src, dst;
  int p[2]; size_t in_pipe;          /* borrowed pipe and its fill */
  char *pend; size_t plen, poff;     /* bytes that send() did not take */
  unsigned eof : 1, done : 1, big : 1;
};
struct end { struct pair *pr; int which; };  /* which: 0 client, 1 upstream, 2 listener */
struct pair { struct end e[2]; struct dir d[2]; int connected, dead, queued; struct pair *next; };
struct listener { struct end e; int fd; struct sockaddr_in up; };

static int ep;
static char buf[BUF];
static int pool[4096][2], npool;
static struct pair *again, *graveyard;

static int get_pipe(int p[2]) {
  if (npool) { npool--; p[0] = pool[npool][0]; p[1] = pool[npool][1]; return 0; }
  if (pipe2(p, O_NONBLOCK | O_CLOEXEC)) return -1;
  fcntl(p[1], F_SETPIPE_SZ, PIPE_SZ);
  return 0;
}
static void put_pipe(struct dir *d) {
  if (d->p[0] < 0) return;
  if (d->in_pipe == 0 && npool < 4096) { pool[npool][0] = d->p[0]; pool[npool][1] = d->p[1]; npool++; }
  else { close(d->p[0]); close(d->p[1]); }
  d->p[0] = d->p[1] = -1; d->in_pipe = 0;
}
static void kill_pair(struct pair *pr) {
  if (pr->dead) return;
  pr->dead = 1;
  for (int i = 0; i < 2; i++) { put_pipe(&pr->d[i]); free(pr->d[i].pend); pr->d[i].pend = 0; }
  close(pr->d[0].src); close(pr->d[0].dst);
  if (!pr->queued) { pr->next = graveyard; graveyard = pr; }
}
/* 1: progress possible again later by event; 2: budget spent; -1: error */
static int pump(struct dir *d) {
  if (d->done) return 1;
  for (int n = 0; n < BUDGET; n++) {
    if (d->plen) {
      ssize_t w = send(d->dst, d->pend + d->poff, d->plen, MSG_NOSIGNAL);
      if (w < 0) return errno == EAGAIN ? 1 : -1;
      d->poff += w; d->plen -= w;
      if (d->plen) return 1;
      free(d->pend); d->pend = 0;
    }
    if (d->in_pipe) {
      ssize_t w = splice(d->p[0], 0, d->dst, 0, d->in_pipe, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
      if (w < 0) return errno == EAGAIN ? 1 : -1;
      d->in_pipe -= w;
      if (d->in_pipe) continue;
      put_pipe(d);
    }
    if (d->eof) { shutdown(d->dst, SHUT_WR); d->done = 1; return 1; }
    if (d->big) {
      if (d->p[0] < 0 && get_pipe(d->p)) return -1;
      ssize_t r = splice(d->src, 0, d->p[1], 0, PIPE_SZ, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
      if (r < 0) { put_pipe(d); if (errno == EAGAIN) { d->big = 0; return 1; } return -1; }
      if (r == 0) d->eof = 1;
      d->in_pipe += r;
    } else {
      ssize_t r = recv(d->src, buf, BUF, 0);
      if (r < 0) return errno == EAGAIN ? 1 : -1;
      if (r == 0) { d->eof = 1; continue; }
      ssize_t w = send(d->dst, buf, r, MSG_NOSIGNAL);
      if (w < 0) { if (errno != EAGAIN) return -1; w = 0; }
      if (w < r) {
        d->plen = r - w; d->poff = 0; d->pend = malloc(d->plen); memcpy(d->pend, buf + w, d->plen);
        return 1;
      }
      if (r == BUF) d->big = 1; else return 1; /* short read: drained, the next edge will tell */
    }
  }
  return 2;
}
static void run(struct pair *pr, int which_dir) {
  if (pr->dead || !pr->connected) return;
  for (int i = 0; i < 2; i++) {
    if (!(which_dir & (1 << i))) continue;
    int r = pump(&pr->d[i]);
    if (r < 0) { kill_pair(pr); return; }
    if (r == 2 && !pr->queued) { pr->queued = 1; pr->next = again; again = pr; }
  }
  if (pr->d[0].done && pr->d[1].done) kill_pair(pr);
}
static void nodelay(int fd) { int one = 1; setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); }
static void do_accept(struct listener *l) {
  for (;;) {
    int c = accept4(l->fd, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (c < 0) return;
    int u = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (u < 0) { close(c); continue; }
    nodelay(c); nodelay(u);
    if (connect(u, (void *)&l->up, sizeof l->up) && errno != EINPROGRESS) { close(c); close(u); continue; }
    struct pair *pr = calloc(1, sizeof *pr);
    pr->d[0] = (struct dir){.src = c, .dst = u, .p = {-1, -1}};
    pr->d[1] = (struct dir){.src = u, .dst = c, .p = {-1, -1}};
    for (int i = 0; i < 2; i++) {
      pr->e[i] = (struct end){pr, i};
      struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = &pr->e[i]};
      epoll_ctl(ep, EPOLL_CTL_ADD, i ? u : c, &ev);
    }
  }
}
int main(int argc, char **argv) {
  if (argc < 2) { fprintf(stderr, "usage: hybrid LISTEN:UPSTREAM ...\n"); return 2; }
  signal(SIGPIPE, SIG_IGN);
  struct rlimit rl; getrlimit(RLIMIT_NOFILE, &rl); rl.rlim_cur = rl.rlim_max; setrlimit(RLIMIT_NOFILE, &rl);
  ep = epoll_create1(EPOLL_CLOEXEC);
  for (int i = 1; i < argc; i++) {
    struct listener *l = calloc(1, sizeof *l);
    int lp, up; if (sscanf(argv[i], "%d:%d", &lp, &up) != 2) return 2;
    l->up = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(up), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in a = l->up; a.sin_port = htons(lp);
    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1; setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(l->fd, (void *)&a, sizeof a) || listen(l->fd, 4096)) { perror("bind"); return 1; }
    l->e = (struct end){(void *)l, 2};
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &l->e};
    epoll_ctl(ep, EPOLL_CTL_ADD, l->fd, &ev);
  }
  struct epoll_event evs[256];
  for (;;) {
    int n = epoll_wait(ep, evs, 256, again ? 0 : -1);
    for (int i = 0; i < n; i++) {
      struct end *e = evs[i].data.ptr;
      if (e->which == 2) { do_accept((struct listener *)e->pr); continue; }
      struct pair *pr = e->pr;
      if (pr->dead) continue;
      unsigned ev = evs[i].events;
      if (e->which == 1 && !pr->connected) {
        if (ev & (EPOLLERR | EPOLLHUP)) { kill_pair(pr); continue; }
        if (ev & EPOLLOUT) { pr->connected = 1; run(pr, 3); continue; }
      }
      if (ev & EPOLLERR) { kill_pair(pr); continue; }
      int dirs = 0;
      if (ev & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) dirs |= 1 << e->which;
      /* writable matters only if that direction holds unsent bytes */
      struct dir *o = &pr->d[!e->which];
      if ((ev & EPOLLOUT) && (o->plen || o->in_pipe)) dirs |= 1 << !e->which;
      if (dirs) run(pr, dirs);
    }
    struct pair *q = again; again = 0;
    while (q) { struct pair *nx = q->next; q->queued = 0;
      if (q->dead) { q->next = graveyard; graveyard = q; } else run(q, 3);
      q = nx; }
    while (graveyard) { struct pair *g = graveyard; graveyard = g->next; free(g); }
  }
}
