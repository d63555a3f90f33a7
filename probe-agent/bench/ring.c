// SPDX-License-Identifier: GPL-2.0
/*
 * The peer: libbpf's own consumer, in C. Loads ring.bpf.o (first argument), pins its ring (second argument), then does
 * what it reads, a letter each: f fills the ring, c consumes what is in it and prints records and ns.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static unsigned long sum;

static int handle(void *ctx, void *data, size_t size)
{
	(void)ctx;
	sum += *(unsigned long *)data + size;
	return 0;
}

static long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000L + time.tv_nsec;
}

static void need(int ok, const char *what)
{
	if (!ok) {
		perror(what);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	struct bpf_object *object;
	struct ring_buffer *ring;
	int command, fd, program;

	need(argc == 3, "usage: ring OBJECT PIN");
	object = bpf_object__open_file(argv[1], NULL);
	need(object && !bpf_object__load(object), "loading");
	fd = bpf_object__find_map_fd_by_name(object, "ring");
	need(!bpf_obj_pin(fd, argv[2]), "pinning");
	ring = ring_buffer__new(fd, handle, NULL, NULL);
	need(ring != NULL, "mapping");
	program = bpf_program__fd(bpf_object__find_program_by_name(object, "fill"));
	while ((command = getchar()) != EOF) {
		if (command == 'f') {
			LIBBPF_OPTS(bpf_test_run_opts, options);
			need(!bpf_prog_test_run_opts(program, &options), "filling");
			puts("filled");
		} else if (command == 'c') {
			long begin = now();
			int records = ring_buffer__consume(ring);

			printf("%d %ld\n", records, now() - begin);
		}
		fflush(stdout);
	}
	return sum == 0;
}
