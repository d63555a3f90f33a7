// SPDX-License-Identifier: GPL-2.0
/*
 * The peer: what a consumer of the agent's own objects costs in C, with libbpf. It brings each probe into the kernel as
 * the agent does (of each hook the first variant that holds; drops without a limit), empties the rings at the agent's
 * intervals and reads the polled maps every 10 s. It counts what it finds and does nothing else with it: no encoding,
 * no publishing.
 *
 * Its argument is the folder of objects. It prints "program ID PROBE FUNCTION" for each program and "ready"; then, for
 * each line that it reads, dropwatch's counts: attempted, rate_limited, ring_full, and the records taken from its ring.
 *
 * With "--names ID..." it only prints ID and the kernel's name of these programs, of any process.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_HOOKS 32
#define MAX_VARIANTS 8
#define MAX_POLLED 32
#define NAME_SIZE 128

/* As the agent's defaults are: events.channel_bytes a CPU, the intervals of looks in ms, intervals.snapshots in s. */
#define CHANNEL_BYTES_PER_CPU (128 * 1024)
#define LEAST_RING_BYTES (256 * 1024)
#define MOST_RING_BYTES (2048 * 1024)
#define BUSY_MS 10
#define IDLE_MS 100
#define SNAPSHOT_S 10

/* What one look should find, as the agent's Drain aims at. */
#define AIM 64

/* Entries of a map read at once. */
#define BATCH 256

struct hook {
	char name[NAME_SIZE];
	char variants[MAX_VARIANTS][NAME_SIZE];
	int count;
	bool optional;
};

struct polled {
	int fd;
	__u32 key_bytes;
	__u32 value_bytes; /* of all CPUs */
};

struct counts {
	__u64 attempted;
	__u64 rate_limited;
	__u64 ring_full;
	__u64 submitted;
};

/* A probe, or a part of one, in the kernel. */
struct loaded {
	struct bpf_object *object;
	struct bpf_link *links[MAX_HOOKS];
	int count;
};

static struct ring_buffer *rings;
static struct polled polled[MAX_POLLED];
static int polled_count;
static int drop_counters = -1;
static unsigned long drops_taken;
static unsigned long others_taken;
static int cpus;

static void need(int ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "consumer: %s: %s\n", what, strerror(errno));
		exit(1);
	}
}

static int handle(void *taken, void *data, size_t size)
{
	(void)data;
	(void)size;
	++*(unsigned long *)taken;
	return 0;
}

/* Where a constant's value is, until the object is loaded; NULL: it has none of that name. */
static void *constant(struct bpf_object *object, const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, ".rodata");
	const struct btf *btf = bpf_object__btf(object);
	int section = btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC);
	const struct btf_var_secinfo *variables;
	const struct btf_type *type;
	size_t size;
	int i;

	if (!map || section < 0)
		return NULL;
	type = btf__type_by_id(btf, section);
	variables = btf_var_secinfos(type);
	for (i = 0; i < btf_vlen(type); i++) {
		const struct btf_type *variable = btf__type_by_id(btf, variables[i].type);

		if (!strcmp(btf__name_by_offset(btf, variable->name_off), name))
			return (char *)bpf_map__initial_value(map, &size) + variables[i].offset;
	}
	return NULL;
}

static void prepare(struct bpf_object *object, const char *probe)
{
	struct bpf_map *ring = bpf_object__find_map_by_name(object, "events");
	struct bpf_map *perf = bpf_object__find_map_by_name(object, "events_perf");
	__u32 *limit = constant(object, "max_events_per_second");
	__u32 *own = constant(object, "channel_bytes");
	__u32 bytes = LEAST_RING_BYTES;

	if (limit && !strcmp(probe, "dropwatch"))
		*limit = 0;
	while (bytes < MOST_RING_BYTES && bytes < CHANNEL_BYTES_PER_CPU * (__u32)cpus)
		bytes *= 2;
	if (perf)
		bpf_map__set_autocreate(perf, false);
	if (ring)
		bpf_map__set_max_entries(ring, own && *own ? *own : bytes);
}

static bool is_wanted(const struct bpf_program *program, char wanted[][NAME_SIZE], int count)
{
	int i;

	for (i = 0; i < count; i++) {
		if (!strcmp(bpf_program__name(program), wanted[i]))
			return true;
	}
	return false;
}

static void unload(struct loaded *loaded)
{
	while (loaded->count > 0)
		bpf_link__destroy(loaded->links[--loaded->count]);
	bpf_object__close(loaded->object);
}

/* Loads these programs and attaches them; false: the kernel does not take one of them. */
static bool attempt(const char *probe, const char *path, char wanted[][NAME_SIZE], int count, struct loaded *loaded)
{
	struct bpf_program *program;

	*loaded = (struct loaded){.object = bpf_object__open_file(path, NULL)};
	need(loaded->object != NULL, path);
	bpf_object__for_each_program(program, loaded->object)
		bpf_program__set_autoload(program, is_wanted(program, wanted, count));
	prepare(loaded->object, probe);
	if (bpf_object__load(loaded->object))
		goto refused;
	bpf_object__for_each_program(program, loaded->object)
	{
		if (!bpf_program__autoload(program))
			continue;
		loaded->links[loaded->count] = bpf_program__attach(program);
		if (!loaded->links[loaded->count])
			goto refused;
		loaded->count++;
	}
	return true;

refused:
	unload(loaded);
	return false;
}

/* kfree_skb__tp_btf and kfree_skb__raw_tp are variants of hook kfree_skb, best first. */
static int find_hooks(struct bpf_object *object, struct hook *hooks)
{
	struct bpf_program *program;
	int count = 0, i;

	bpf_object__for_each_program(program, object)
	{
		const char *name = bpf_program__name(program);
		const char *end = strstr(name + 1, "__");
		int length = end ? end - name : (int)strlen(name);

		for (i = 0; i < count; i++) {
			if ((int)strlen(hooks[i].name) == length && !strncmp(hooks[i].name, name, length))
				break;
		}
		if (i == count) {
			need(count < MAX_HOOKS, "too many hooks");
			snprintf(hooks[count++].name, NAME_SIZE, "%.*s", length, name);
			hooks[i].optional = true;
		}
		need(hooks[i].count < MAX_VARIANTS, "too many variants");
		snprintf(hooks[i].variants[hooks[i].count++], NAME_SIZE, "%s", name);
		/* libbpf takes the section's "?" for this. */
		hooks[i].optional &= !bpf_program__autoload(program);
	}
	return count;
}

/* The first variant that holds when it is tried alone; negative: none does. */
static int first_that_holds(const char *probe, const char *path, struct hook *hook)
{
	struct loaded alone;
	int i;

	for (i = 0; i < hook->count; i++) {
		if (attempt(probe, path, &hook->variants[i], 1, &alone)) {
			unload(&alone);
			return i;
		}
	}
	return -1;
}

/* The hooks of an object; none: the agent does not start it by itself, but on request. */
static int read_hooks(const char *path, struct hook *hooks)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	bool *enabled;
	int count;

	need(object != NULL, path);
	enabled = constant(object, "enabled");
	count = enabled && !*enabled ? 0 : find_hooks(object, hooks);
	bpf_object__close(object);
	return count;
}

static bool load(const char *probe, const char *path, struct loaded *loaded)
{
	static struct hook hooks[MAX_HOOKS];
	static char wanted[MAX_HOOKS][NAME_SIZE];
	int count, holding = 0, i, variant;

	memset(hooks, 0, sizeof(hooks));
	count = read_hooks(path, hooks);
	for (i = 0; i < count; i++)
		strcpy(wanted[i], hooks[i].variants[0]);
	if (!count || attempt(probe, path, wanted, count, loaded))
		return count;
	for (i = 0; i < count; i++) {
		variant = first_that_holds(probe, path, &hooks[i]);
		if (variant >= 0)
			strcpy(wanted[holding++], hooks[i].variants[variant]);
		else if (!hooks[i].optional)
			return false;
	}
	return holding && attempt(probe, path, wanted, holding, loaded);
}

/* Maps M for which the object has struct PROBE_M_key are polled. */
static void find_polled(struct bpf_object *object, const char *probe)
{
	struct bpf_map *map;
	char key[2 * NAME_SIZE];

	bpf_object__for_each_map(map, object)
	{
		enum bpf_map_type type = bpf_map__type(map);
		bool per_cpu = type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY ||
			       type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
		__u32 bytes = bpf_map__value_size(map);

		snprintf(key, sizeof(key), "%s_%s_key", probe, bpf_map__name(map));
		if (btf__find_by_name_kind(bpf_object__btf(object), key, BTF_KIND_STRUCT) < 0)
			continue;
		need(polled_count < MAX_POLLED, "too many polled maps");
		polled[polled_count++] = (struct polled){
			.fd = bpf_map__fd(map),
			.key_bytes = bpf_map__key_size(map),
			.value_bytes = per_cpu ? (bytes + 7) / 8 * 8 * cpus : bytes,
		};
	}
}

static void start(const char *folder, const char *file)
{
	char path[4096], probe[NAME_SIZE];
	struct loaded loaded;
	struct bpf_object *object;
	struct bpf_program *program;
	struct bpf_prog_info info;
	bool drops;
	int ring;

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	snprintf(probe, sizeof(probe), "%.*s", (int)(strlen(file) - strlen(".bpf.o")), file);
	if (!load(probe, path, &loaded))
		return;
	object = loaded.object;
	bpf_object__for_each_program(program, object)
	{
		__u32 length = sizeof(info);

		if (!bpf_program__autoload(program))
			continue;
		memset(&info, 0, sizeof(info));
		need(!bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &length), probe);
		printf("program %u %s %s\n", info.id, probe, bpf_program__name(program));
	}
	drops = !strcmp(probe, "dropwatch");
	ring = bpf_object__find_map_fd_by_name(object, "events");
	if (ring >= 0) {
		unsigned long *taken = drops ? &drops_taken : &others_taken;

		if (!rings)
			rings = ring_buffer__new(ring, handle, taken, NULL);
		else
			need(!ring_buffer__add(rings, ring, handle, taken), "mapping a ring");
		need(rings != NULL, "mapping a ring");
	}
	if (drops)
		drop_counters = bpf_object__find_map_fd_by_name(object, "counters");
	find_polled(object, probe);
}

static unsigned long read_polled(const struct polled *map)
{
	char *keys = malloc(BATCH * map->key_bytes), *values = malloc((size_t)BATCH * map->value_bytes);
	__u64 position[32] = {};
	unsigned long entries = 0;
	bool first = true;
	__u32 count;
	int err;

	need(keys && values && map->key_bytes <= sizeof(position), "room for a map");
	do {
		count = BATCH;
		err = bpf_map_lookup_batch(map->fd, first ? NULL : position, position, keys, values, &count, NULL);
		need(!err || err == -ENOENT, "reading a map");
		entries += count;
		first = false;
	} while (!err);
	free(keys);
	free(values);
	return entries;
}

static void report(void)
{
	struct counts *each = calloc(cpus, sizeof(*each)), sum = {};
	__u32 zero = 0;
	int cpu;

	need(each && drop_counters >= 0, "dropwatch's counters");
	need(!bpf_map_lookup_elem(drop_counters, &zero, each), "dropwatch's counters");
	for (cpu = 0; cpu < cpus; cpu++) {
		sum.attempted += each[cpu].attempted;
		sum.rate_limited += each[cpu].rate_limited;
		sum.ring_full += each[cpu].ring_full;
	}
	printf("%llu %llu %llu %lu\n", sum.attempted, sum.rate_limited, sum.ring_full, drops_taken);
	free(each);
}

/*
 * The programs wake nobody (BPF_RB_NO_WAKEUP), so an epoll of the rings would sleep for ever: they are looked at in
 * intervals, as the agent does.
 */
static void consume(void)
{
	struct pollfd asked = {.fd = STDIN_FILENO, .events = POLLIN};
	int pause = IDLE_MS, taken, i;
	time_t next = 0;
	char line[NAME_SIZE];

	for (;;) {
		if (poll(&asked, 1, pause) > 0) {
			if (read(STDIN_FILENO, line, sizeof(line)) <= 0)
				return;
			report();
		}
		if (time(NULL) >= next) {
			next = time(NULL) + SNAPSHOT_S;
			for (i = 0; i < polled_count; i++)
				read_polled(&polled[i]);
		}
		taken = ring_buffer__consume(rings);
		need(taken >= 0, "emptying the rings");
		pause = pause * AIM / (taken ? taken : 1);
		pause = pause < BUSY_MS ? BUSY_MS : pause > IDLE_MS ? IDLE_MS : pause;
	}
}

static int print_names(char **ids)
{
	for (; *ids; ids++) {
		struct bpf_prog_info info = {};
		__u32 length = sizeof(info);
		int program = bpf_prog_get_fd_by_id(strtoul(*ids, NULL, 10));

		if (program < 0)
			continue; /* It has ended. */
		if (!bpf_obj_get_info_by_fd(program, &info, &length))
			printf("%s %s\n", *ids, info.name);
		close(program);
	}
	return 0;
}

static int is_object(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return length > 6 && !strcmp(entry->d_name + length - 6, ".bpf.o");
}

int main(int argc, char **argv)
{
	struct dirent **files;
	int count, i;

	if (argc > 1 && !strcmp(argv[1], "--names"))
		return print_names(argv + 2);
	need(argc == 2, "usage: consumer FOLDER");
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* What a kernel does not take is no news. */
	libbpf_set_print(NULL);
	cpus = libbpf_num_possible_cpus();
	count = scandir(argv[1], &files, is_object, alphasort);
	need(count > 0, argv[1]);
	for (i = 0; i < count; i++)
		start(argv[1], files[i]->d_name);
	need(rings != NULL, "no probe holds");
	puts("ready");
	consume();
	return 0;
}
