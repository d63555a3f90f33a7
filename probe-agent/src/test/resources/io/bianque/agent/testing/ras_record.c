/*
 * ras_record memory|firmware|arm: runs the loaded program of that tracepoint (its raw_tp variant) with the arguments that
 * the tracepoint would have, of records taken from the logs of machines that had such errors. The arguments point to the
 * value of a map, which is kernel memory and whose address a program can tell.
 */
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define INSN(op, dst, src, offset, value) \
	((struct bpf_insn){ .code = (op), .dst_reg = (dst), .src_reg = (src), .off = (offset), .imm = (value) })

static int bpf(int command, union bpf_attr *attr)
{
	int result = syscall(SYS_bpf, command, attr, sizeof(*attr));

	if (result < 0) {
		perror("bpf");
		exit(1);
	}
	return result;
}

/* What the tracepoints' pointers point to. */
struct records {
	unsigned long self;
	char message[64];
	char label[64];
	char detail[128];
	unsigned char section_type[16];
	unsigned char fru_id[16];
	char fru_text[20];
	unsigned char section[64];
	struct {
		unsigned int validation_bits;
		unsigned short err_info_num;
		unsigned short context_info_num;
		unsigned int section_length;
		unsigned char affinity_level;
		unsigned char reserved[3];
		unsigned long mpidr;
		unsigned long midr;
		unsigned int running_state;
		unsigned int psci_state;
		unsigned char info_version;
		unsigned char info_length;
		unsigned short info_validation_bits;
		unsigned char info_type;
		unsigned char info_multiple_error[2];
		unsigned char info_flags;
		unsigned long info_error;
		unsigned long info_virtual_address;
		unsigned long info_physical_address;
	} arm;
};

static struct records records = {
	/*
	 * EDAC MC1: 3 CE memory read error on CPU_SrcID#1_Ha#0_Chan#2_DIMM#0 (channel:2 slot:0 page:0x3d9a3f offset:0xa80
	 * grain:32 syndrome:0x0 -  OVERFLOW area:DRAM err_code:0001:0092 socket:1 ha:0 channel_mask:4 rank:1)
	 */
	.message = "memory read error",
	.label = "CPU_SrcID#1_Ha#0_Chan#2_DIMM#0",
	.detail = " OVERFLOW area:DRAM err_code:0001:0092 socket:1 ha:0 channel_mask:4 rank:1",
	/* 1f8161e1-55d6-41e6-bd10-7afd1dc5f7c5: HiSilicon's own */
	.section_type = { 0xe1, 0x61, 0x81, 0x1f, 0xd6, 0x55, 0xe6, 0x41, 0xbd, 0x10, 0x7a, 0xfd, 0x1d, 0xc5, 0xf7, 0xc5 },
	.fru_text = "CPU0 HHA",
	.section = { 0x7f, 0, 0, 0, 1, 0, 2, 3 },
	/* A Kunpeng 920's cache error. */
	.arm = {
		.validation_bits = 1 | 4,
		.err_info_num = 1,
		.section_length = 72,
		.mpidr = 0x81080000,
		.midr = 0x480fd010,
		.running_state = 1,
		.info_length = 32,
		.info_validation_bits = 4 | 16,
		.info_error = 0x0091000f,
		.info_physical_address = 0x23a1d4c0,
	},
};

/* Puts the records into a map and returns where they are in the kernel. */
static unsigned long place(void)
{
	union bpf_attr map_attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = sizeof(records),
		.max_entries = 1,
	};
	int map = bpf(BPF_MAP_CREATE, &map_attr);
	struct bpf_insn where[] = {
		INSN(BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, 0),
		INSN(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, map),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1, 0),
		INSN(BPF_STX | BPF_MEM | BPF_DW, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	union bpf_attr program_attr = {
		.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT,
		.insns = (unsigned long)where,
		.insn_cnt = sizeof(where) / sizeof(where[0]),
		.license = (unsigned long)"GPL",
	};
	union bpf_attr run_attr = {};
	union bpf_attr value_attr = {};
	unsigned int key = 0;
	struct records found;

	run_attr.test.prog_fd = bpf(BPF_PROG_LOAD, &program_attr);
	bpf(BPF_PROG_TEST_RUN, &run_attr);
	value_attr.map_fd = map;
	value_attr.key = (unsigned long)&key;
	value_attr.value = (unsigned long)&found;
	bpf(BPF_MAP_LOOKUP_ELEM, &value_attr);
	records.self = found.self;
	value_attr.value = (unsigned long)&records;
	bpf(BPF_MAP_UPDATE_ELEM, &value_attr);
	return found.self;
}

/* The newest program of that name; the kernel keeps 15 bytes of it. */
static int find(const char *name)
{
	union bpf_attr id = {};
	int found = -1;

	while (!syscall(SYS_bpf, BPF_PROG_GET_NEXT_ID, &id, sizeof(id))) {
		union bpf_attr open = { .prog_id = id.next_id };
		struct bpf_prog_info info = {};
		union bpf_attr about = {};
		int fd = syscall(SYS_bpf, BPF_PROG_GET_FD_BY_ID, &open, sizeof(open));

		id.start_id = id.next_id;
		if (fd < 0)
			continue;
		about.info.bpf_fd = fd;
		about.info.info_len = sizeof(info);
		about.info.info = (unsigned long)&info;
		bpf(BPF_OBJ_GET_INFO_BY_FD, &about);
		if (strcmp(info.name, name)) {
			close(fd);
			continue;
		}
		if (found >= 0)
			close(found);
		found = fd;
	}
	if (found < 0) {
		fprintf(stderr, "no program %s\n", name);
		exit(1);
	}
	return found;
}

#define AT(field) (at + __builtin_offsetof(struct records, field))

int main(int argc, char **argv)
{
	unsigned long at = place();
	unsigned long memory[12] = { 0, AT(message), AT(label), 3, 1, 2, 0, 0xff, 0x3d9a3fa80, 5, 0, AT(detail) };
	unsigned long firmware[12] = { AT(section_type), AT(fru_id), AT(fru_text), 2, AT(section), 8 };
	unsigned long arm[12] = { AT(arm), 0, 0, 0, 0, 0, 0, 2, 3 };
	union bpf_attr attr = {};

	if (argc != 2)
		return 2;
	attr.test.ctx_size_in = sizeof(memory);
	switch (argv[1][0]) {
	case 'm':
		attr.test.prog_fd = find("mc_event__raw_t");
		attr.test.ctx_in = (unsigned long)memory;
		break;
	case 'f':
		attr.test.prog_fd = find("non_standard_ev");
		attr.test.ctx_in = (unsigned long)firmware;
		break;
	default:
		attr.test.prog_fd = find("arm_event__raw_");
		attr.test.ctx_in = (unsigned long)arm;
	}
	bpf(BPF_PROG_TEST_RUN, &attr);
	return 0;
}
