/* A web server that does exactly what a test tells it: the n-th connection gets the n-th step's
 * bytes, whatever was asked. What was asked is kept. */
#ifndef TESTS_HTTP_SERVER_H
#define TESTS_HTTP_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct http_step {
    const char *answer; /* NULL: close at once */
    size_t bytes;       /* of answer; 0: strlen */
    int wait_ms;        /* before the answer */
    int trickle_ms;     /* between its bytes */
    bool hang;          /* stay open and silent after it */
};
#define HTTP_STEPS_MOST 32
struct http_server {
    int listener, port;
    pthread_t thread;
    const struct http_step *steps;
    size_t step_count;
    atomic_size_t served;
    atomic_bool quit;
    char asked[HTTP_STEPS_MOST][8192];
};

static inline void http_nap(int ms)
{
    nanosleep(&(struct timespec){ms / 1000, (long)(ms % 1000) * 1000000}, NULL);
}

/* The request's head, and its body by Content-Length. */
static inline void http_read(int client, char *text, size_t cap)
{
    size_t have = 0, wanted = 0;
    while (have + 1 < cap && (wanted == 0 || have < wanted)) {
        ssize_t got = recv(client, text + have, cap - 1 - have, 0);
        if (got <= 0)
            break;
        have += (size_t)got;
        text[have] = '\0';
        const char *end = strstr(text, "\r\n\r\n");
        if (end == NULL)
            continue;
        const char *length = strcasestr(text, "\r\nContent-Length:");
        wanted = (size_t)(end - text) + 4 +
                 (length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0);
    }
    text[have] = '\0';
}

static inline void http_serve(struct http_server *server, const struct http_step *step, int client)
{
    size_t bytes = step->answer == NULL ? 0 : step->bytes > 0 ? step->bytes : strlen(step->answer);
    for (int waited = 0; waited < step->wait_ms && !atomic_load(&server->quit); waited += 5)
        http_nap(5);
    for (size_t sent = 0; sent < bytes && !atomic_load(&server->quit);) {
        size_t part = step->trickle_ms > 0 ? 1 : bytes - sent;
        ssize_t put = send(client, step->answer + sent, part, MSG_NOSIGNAL);
        if (put <= 0)
            return;
        sent += (size_t)put;
        if (step->trickle_ms > 0)
            http_nap(step->trickle_ms);
    }
    while (step->hang && !atomic_load(&server->quit))
        http_nap(5);
}

static inline void *http_main(void *user)
{
    struct http_server *server = user;
    while (!atomic_load(&server->quit)) {
        struct pollfd poll_one = {.fd = server->listener, .events = POLLIN};
        if (poll(&poll_one, 1, 10) <= 0)
            continue;
        int client = accept(server->listener, NULL, NULL);
        size_t nth = atomic_load(&server->served);
        if (client < 0)
            continue;
        if (nth < server->step_count && nth < HTTP_STEPS_MOST) {
            http_read(client, server->asked[nth], sizeof server->asked[nth]);
            atomic_store(&server->served, nth + 1);
            http_serve(server, &server->steps[nth], client);
        }
        shutdown(client, SHUT_WR); /* no reset while the client still reads */
        char rest[256];
        struct pollfd poll_two = {.fd = client, .events = POLLIN};
        while (poll(&poll_two, 1, 50) > 0 && recv(client, rest, sizeof rest, 0) > 0)
            ;
        close(client);
    }
    return NULL;
}

static inline struct http_server *http_start(const struct http_step *steps, size_t count)
{
    struct http_server *server = calloc(1, sizeof *server);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    if (server == NULL)
        abort();
    server->steps = steps;
    server->step_count = count;
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->listener < 0 ||
        bind(server->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(server->listener, 16) != 0 ||
        getsockname(server->listener, (struct sockaddr *)&address, &length) != 0 ||
        pthread_create(&server->thread, NULL, http_main, server) != 0)
        abort();
    server->port = ntohs(address.sin_port);
    return server;
}

static inline void http_stop(struct http_server *server)
{
    atomic_store(&server->quit, true);
    pthread_join(server->thread, NULL);
    close(server->listener);
    free(server);
}

#endif
