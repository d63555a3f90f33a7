/*
 * busy lockup|irqs-off MILLISECONDS: keeps a CPU in kernel code for so long, once, by an eBPF program of its own that
 * copies memory. lockup: in a system call's tracepoint, with interrupts but without a schedule. irqs-off: in the
 * scheduler's, which the kernel passes with interrupts off. The loop is bounded, so no verifier since 5.3 refuses it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOOPS 16384
#define COPY (1 << 20)

/* The map's only value: whether it has run already, then what is copied, and where to. */
#define FROM 16
#define TO (FROM + COPY)

#define INSN(op, dst, src, offset, value) \
	((struct bpf_insn){ .code = (op), .dst_reg = (dst), .src_reg = (src), .off = (offset), .imm = (value) })
#define MOVE(dst, src) INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define SET(dst, value) INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, value)
#define ADD(dst, value) INSN(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, value)
#define CALL(function) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_##function)
#define LONG(dst, src, value)                                                                \
	INSN(BPF_LD | BPF_DW | BPF_IMM, dst, src, 0, (unsigned int)(value)),                 \
		INSN(0, 0, 0, 0, (unsigned int)((unsigned long)(value) >> 32))

static int bpf(int command, union bpf_attr *attr)
{
	int fd = syscall(SYS_bpf, command, attr, sizeof(*attr));

	if (fd < 0) {
		perror("bpf");
		exit(1);
	}
	return fd;
}

static int make_map(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = TO + COPY,
		.max_entries = 1,
	};

	return bpf(BPF_MAP_CREATE, &attr);
}

static int load(int map, unsigned long nanoseconds)
{
	enum { r0, r1, r2, r3, r6 = 6, r7, r8, fp = 10 };
	struct bpf_insn program[] = {
		/* 0: only this process */
		CALL(get_current_pid_tgid),
		INSN(BPF_ALU64 | BPF_RSH | BPF_K, r0, 0, 0, 32),
		INSN(BPF_JMP | BPF_JNE | BPF_K, r0, 0, 28, getpid()),
		/* 3: only once */
		INSN(BPF_ST | BPF_MEM | BPF_W, fp, 0, -4, 0),
		LONG(r1, BPF_PSEUDO_MAP_FD, map),
		MOVE(r2, fp),
		ADD(r2, -4),
		CALL(map_lookup_elem),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, r0, 0, 21, 0),
		MOVE(r7, r0),
		INSN(BPF_LDX | BPF_MEM | BPF_DW, r1, r7, 0, 0),
		INSN(BPF_JMP | BPF_JNE | BPF_K, r1, 0, 18, 0),
		INSN(BPF_ST | BPF_MEM | BPF_DW, r7, 0, 0, 1),
		/* 14: until when */
		CALL(ktime_get_ns),
		MOVE(r8, r0),
		LONG(r1, 0, nanoseconds),
		INSN(BPF_ALU64 | BPF_ADD | BPF_X, r8, r1, 0, 0),
		SET(r6, 0),
		/* 20: the loop */
		MOVE(r1, r7),
		ADD(r1, TO),
		SET(r2, COPY),
		MOVE(r3, r7),
		ADD(r3, FROM),
		CALL(probe_read_kernel),
		ADD(r6, 1),
		INSN(BPF_JMP | BPF_JGE | BPF_K, r6, 0, 3, LOOPS),
		CALL(ktime_get_ns),
		/* The end falls through: of a branch that is taken the verifier keeps the state for later. */
		INSN(BPF_JMP | BPF_JLT | BPF_X, r0, r8, -10, 0),
		SET(r0, 0),
		/* 31 */
		SET(r0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT,
		.insns = (unsigned long)program,
		.insn_cnt = sizeof(program) / sizeof(program[0]),
		.license = (unsigned long)"GPL",
	};

	strcpy(attr.prog_name, "busy");
	return bpf(BPF_PROG_LOAD, &attr);
}

int main(int argc, char **argv)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	union bpf_attr attr = {};
	const char *tracepoint = NULL;

	if (argc == 3 && !strcmp(argv[1], "lockup"))
		tracepoint = "sys_enter";
	else if (argc == 3 && !strcmp(argv[1], "irqs-off"))
		tracepoint = "sched_switch";
	if (!tracepoint) {
		fprintf(stderr, "usage: busy lockup|irqs-off MILLISECONDS\n");
		return 2;
	}
	/* Before 5.11 a map counts against it. */
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	attr.raw_tracepoint.prog_fd = load(make_map(), strtoul(argv[2], NULL, 10) * 1000000);
	attr.raw_tracepoint.name = (unsigned long)tracepoint;
	bpf(BPF_RAW_TRACEPOINT_OPEN, &attr);
	usleep(1000);
	return 0;
}
