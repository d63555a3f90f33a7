// SPDX-License-Identifier: GPL-2.0
/*
 * Hardware errors, as the kernel's drivers decode them: machine checks, memory controllers, PCIe, and what firmware
 * reports. Each source is an optional hook: a kernel has the tracepoints of its own drivers only.
 */
#include "include/vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#define CHANNEL_BYTES (64 * 1024)
#include "include/channel.h"
#include "include/event.h"

/*
 * Threshold interrupts tell only that a counter of corrected errors overflowed: at most one event in this time, with
 * their number.
 */
const volatile __u64 threshold_interval_ns = 1800 * NSEC_PER_SEC;

enum ras_source {
	RAS_MACHINE_CHECK,
	RAS_MEMORY_CONTROLLER,
	RAS_PCIE_AER,
	RAS_FIRMWARE,
	RAS_ARM_PROCESSOR,
	RAS_THRESHOLD_INTERRUPT,
};

enum ras_severity {
	RAS_CORRECTED,
	RAS_DEFERRED,
	RAS_RECOVERABLE,
	RAS_FATAL,
	RAS_INFORMATIONAL,
	RAS_UNKNOWN,
};

#define RAS_TEXT 128
#define RAS_DATA 256
#define RAS_GUID 16
#define RAS_GUID_TEXT 37
#define AER_TLP_WORDS 4
#define AER_TLP_TEXT (9 * AER_TLP_WORDS)

struct ras_event {
	EVENT_HEADER;
	__s32 mce_cpu;
	__s64 error_count;
	__u64 address;
	__u64 syndrome;
	__u64 mce_status;
	__u64 mce_misc;
	__u64 mce_mcg_status;
	__u64 mce_mcg_cap;
	__u64 mce_ip;
	__u64 mce_ipid;
	__u64 mce_ppin;
	__s64 mce_time_s;
	__u32 mce_cpuid;
	__u32 mce_apic_id;
	__u32 mce_socket;
	__u32 mce_microcode;
	__u32 mce_bank;
	__u32 aer_status;
	__u64 mc_grain_bytes;
	__s32 mc_index;
	__s32 mc_top_layer;
	__s32 mc_middle_layer;
	__s32 mc_lower_layer;
	__u64 arm_mpidr;
	__u64 arm_midr;
	__u64 arm_error_info;
	__u32 arm_running_state;
	__u32 arm_psci_state;
	__u32 firmware_data_length;
	__u16 mce_error_code;
	__u16 mce_model_code;
	__u8 arm_affinity_level;
	__u8 arm_error_type;
	__u8 source;
	__u8 severity;
	__u8 mce_overflow;
	char aer_tlp_header[AER_TLP_TEXT];
	char device[32];
	char message[RAS_TEXT];
	char label[RAS_TEXT];
	char detail[RAS_TEXT];
	char fru_text[24];
	char section_type[RAS_GUID_TEXT];
	char fru_id[RAS_GUID_TEXT];
	__u8 has_error_count;
	__u8 has_address;
	__u8 has_syndrome;
	__u8 has_device;
	__u8 has_message;
	__u8 has_label;
	__u8 has_detail;
	__u8 has_mce;
	__u8 has_mce_misc;
	__u8 has_mce_ip;
	__u8 has_mce_ipid;
	__u8 has_mce_ppin;
	__u8 has_mc;
	__u8 has_mc_top_layer;
	__u8 has_mc_middle_layer;
	__u8 has_mc_lower_layer;
	__u8 has_aer;
	__u8 has_aer_tlp;
	__u8 has_firmware;
	__u8 has_fru_text;
	__u8 has_arm;
	__u8 has_arm_mpidr;
	__u8 has_arm_affinity_level;
	__u8 has_arm_running_state;
	__u8 has_arm_psci_state;
	__u8 has_arm_error;
	__u8 pad[1];
	__u16 firmware_data_bytes;
	__u8 firmware_data[RAS_DATA];
};

struct ras_scratch {
	struct ras_event event;
	__u8 guid[RAS_GUID];
	__u32 written; /* of message */
	__u32 tlp[AER_TLP_WORDS];
};

CHANNEL_SCRATCH(struct ras_scratch);

struct ras_threshold {
	__u64 last;
	__u64 count;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ras_threshold);
} threshold SEC(".maps");

/* Begins an event of a source; NULL: it is refused and counted, and the run is over. */
static __always_inline struct ras_scratch *begin(enum ras_source source)
{
	int depth = channel_enter();
	__u64 now = bpf_ktime_get_ns();
	struct ras_scratch *slot;

	if (depth < 0)
		return NULL;
	slot = bpf_map_lookup_elem(&scratch, &depth);
	if (!slot) {
		channel_leave();
		return NULL;
	}
	__builtin_memset(&slot->event, 0, __builtin_offsetof(struct ras_event, firmware_data));
	if (!channel_admit(source, now, &slot->event.sequence)) {
		channel_leave();
		return NULL;
	}
	slot->event.ktime_ns = now;
	slot->event.cpu = bpf_get_smp_processor_id();
	slot->event.source = source;
	return slot;
}

static __always_inline struct ras_event *begin_event(enum ras_source source)
{
	struct ras_scratch *slot = begin(source);

	return slot ? &slot->event : NULL;
}

static __always_inline int end(void *ctx, struct ras_event *event)
{
	channel_submit(ctx, event,
		       __builtin_offsetof(struct ras_event, firmware_data) +
			       (event->firmware_data_bytes & (RAS_DATA - 1)));
	channel_leave();
	return 0;
}

/* --- machine checks ---------------------------------------------------------------------------------------------- */

/* Bits of MCi_STATUS, MCG_STATUS and MCG_CAP: arch/x86/include/asm/mce.h. */
#define MCI_STATUS_OVER (1ULL << 62)
#define MCI_STATUS_UC (1ULL << 61)
#define MCI_STATUS_MISCV (1ULL << 59)
#define MCI_STATUS_ADDRV (1ULL << 58)
#define MCI_STATUS_PCC (1ULL << 57)
#define MCI_STATUS_S (1ULL << 56)
#define MCI_STATUS_AR (1ULL << 55)
#define MCI_STATUS_SYNDV (1ULL << 53) /* AMD's */
#define MCI_STATUS_DEFERRED (1ULL << 44) /* AMD's */
#define MCG_STATUS_RIPV (1ULL << 0)
#define MCG_STATUS_EIPV (1ULL << 1)
#define MCG_STATUS_MCIP (1ULL << 2)
#define MCG_SER_P (1ULL << 24)

#define X86_VENDOR_AMD 2
#define X86_VENDOR_HYGON 9

/*
 * What the processor says of an error, as the kernel itself grades it (arch/x86/kernel/cpu/mce/severity.c): nothing
 * goes on where the processor's context is corrupt, where there is no instruction to go back to, and where one more
 * error that wants an action was lost. Intel's "uncorrected, no action required" is left for later, as AMD's deferred
 * errors are.
 */
static __always_inline enum ras_severity mce_severity(__u64 status, __u64 mcg_status, __u64 mcg_cap, __u8 vendor)
{
	bool amd = vendor == X86_VENDOR_AMD || vendor == X86_VENDOR_HYGON;

	if (!(status & MCI_STATUS_UC))
		return amd && status & MCI_STATUS_DEFERRED ? RAS_DEFERRED : RAS_CORRECTED;
	if (status & MCI_STATUS_PCC)
		return RAS_FATAL;
	if (mcg_status & MCG_STATUS_MCIP && !(mcg_status & (MCG_STATUS_RIPV | MCG_STATUS_EIPV)))
		return RAS_FATAL;
	if (amd || !(mcg_cap & MCG_SER_P))
		return RAS_RECOVERABLE;
	if (!(status & MCI_STATUS_S))
		return RAS_DEFERRED;
	if (status & MCI_STATUS_AR && status & MCI_STATUS_OVER)
		return RAS_FATAL;
	return RAS_RECOVERABLE;
}

static __always_inline void fill_mce(struct ras_event *event, struct mce *mce)
{
	__u64 status = BPF_CORE_READ(mce, status);
	__u64 mcg_status = BPF_CORE_READ(mce, mcgstatus);
	__u64 mcg_cap = BPF_CORE_READ(mce, mcgcap);

	event->has_mce = 1;
	event->severity = mce_severity(status, mcg_status, mcg_cap, BPF_CORE_READ(mce, cpuvendor));
	event->mce_cpu = BPF_CORE_READ(mce, extcpu);
	event->mce_bank = BPF_CORE_READ(mce, bank);
	event->mce_status = status;
	event->mce_error_code = status;
	event->mce_model_code = status >> 16;
	event->mce_overflow = (status & MCI_STATUS_OVER) != 0;
	event->mce_mcg_status = mcg_status;
	event->mce_mcg_cap = mcg_cap;
	event->mce_misc = BPF_CORE_READ(mce, misc);
	event->has_mce_misc = (status & MCI_STATUS_MISCV) != 0;
	event->address = BPF_CORE_READ(mce, addr);
	event->has_address = (status & MCI_STATUS_ADDRV) != 0;
	event->mce_ip = BPF_CORE_READ(mce, ip);
	event->has_mce_ip = event->mce_ip != 0;
	event->syndrome = BPF_CORE_READ(mce, synd);
	event->has_syndrome = (status & MCI_STATUS_SYNDV) && event->syndrome;
	event->mce_ipid = BPF_CORE_READ(mce, ipid);
	event->has_mce_ipid = event->mce_ipid != 0;
	event->mce_ppin = BPF_CORE_READ(mce, ppin);
	event->has_mce_ppin = event->mce_ppin != 0;
	event->mce_time_s = BPF_CORE_READ(mce, time);
	event->mce_cpuid = BPF_CORE_READ(mce, cpuid);
	event->mce_apic_id = BPF_CORE_READ(mce, apicid);
	event->mce_socket = BPF_CORE_READ(mce, socketid);
	event->mce_microcode = BPF_CORE_READ(mce, microcode);
}

/* record: struct mce; since 6.14 struct mce_hw_err, which begins with one. */
static __always_inline int machine_check(void *ctx, void *record)
{
	struct ras_event *event = begin_event(RAS_MACHINE_CHECK);

	if (!event)
		return 0;
	fill_mce(event, record);
	return end(ctx, event);
}

SEC("?tp_btf/mce_record")
int mce_record__tp_btf(__u64 *ctx)
{
	return machine_check(ctx, (void *)ctx[0]);
}

SEC("?raw_tp/mce_record")
int mce_record__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return machine_check(ctx, (void *)ctx->args[0]);
}

/* --- counters of corrected errors -------------------------------------------------------------------------------- */

static __always_inline int threshold_interrupt(void *ctx)
{
	__u32 zero = 0;
	struct ras_threshold *state = bpf_map_lookup_elem(&threshold, &zero);
	struct ras_event *event;
	__u64 now = bpf_ktime_get_ns();

	if (!state)
		return 0;
	__sync_fetch_and_add(&state->count, 1);
	if (state->last && now - state->last < threshold_interval_ns)
		return 0;
	state->last = now;
	event = begin_event(RAS_THRESHOLD_INTERRUPT);
	if (!event)
		return 0;
	event->severity = RAS_CORRECTED;
	event->error_count = state->count;
	event->has_error_count = 1;
	state->count = 0;
	return end(ctx, event);
}

SEC("?tp_btf/threshold_apic_entry")
int threshold_apic_entry__tp_btf(__u64 *ctx)
{
	return threshold_interrupt(ctx);
}

SEC("?raw_tp/threshold_apic_entry")
int threshold_apic_entry__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return threshold_interrupt(ctx);
}

/* --- memory controllers ------------------------------------------------------------------------------------------ */

/* enum hw_event_mc_err_type of include/linux/edac.h */
static __always_inline enum ras_severity mc_severity(__u32 type)
{
	switch (type) {
	case 0:
		return RAS_CORRECTED;
	case 1:
		return RAS_RECOVERABLE;
	case 2:
		return RAS_DEFERRED;
	case 3:
		return RAS_FATAL;
	case 4:
		return RAS_INFORMATIONAL;
	default:
		return RAS_UNKNOWN;
	}
}

static __always_inline char hex_digit(__u8 value)
{
	return value < 10 ? '0' + value : 'a' + value - 10;
}

/* A text of the kernel's; whether there is one. */
#define read_text(into, from) (bpf_probe_read_kernel_str(into, sizeof(into), (const void *)(from)) > 1)

/*
 * Arguments: type, message, label, number of errors, controller, three layers (negative: not known), address, bits of
 * its grain, syndrome, the driver's own words.
 */
static __always_inline int memory_controller(void *ctx, const __u64 *args)
{
	struct ras_event *event = begin_event(RAS_MEMORY_CONTROLLER);

	if (!event)
		return 0;
	event->severity = mc_severity(args[0]);
	event->has_message = read_text(event->message, args[1]);
	event->has_label = read_text(event->label, args[2]);
	event->error_count = (__s32)args[3];
	event->has_error_count = 1;
	event->has_mc = 1;
	event->mc_index = (__u8)args[4];
	event->mc_top_layer = (__s8)args[5];
	event->has_mc_top_layer = event->mc_top_layer >= 0;
	event->mc_middle_layer = (__s8)args[6];
	event->has_mc_middle_layer = event->mc_middle_layer >= 0;
	event->mc_lower_layer = (__s8)args[7];
	event->has_mc_lower_layer = event->mc_lower_layer >= 0;
	event->address = args[8];
	event->has_address = event->address != 0;
	event->mc_grain_bytes = 1ULL << (args[9] & 63);
	event->syndrome = args[10];
	event->has_syndrome = event->syndrome != 0;
	event->has_detail = read_text(event->detail, args[11]);
	return end(ctx, event);
}

SEC("?tp_btf/mc_event")
int mc_event__tp_btf(__u64 *ctx)
{
	return memory_controller(ctx, ctx);
}

SEC("?raw_tp/mc_event")
int mc_event__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return memory_controller(ctx, (__u64 *)ctx);
}

/* --- PCIe -------------------------------------------------------------------------------------------------------- */

/* From include/linux/aer.h */
enum aer_severity {
	AER_NONFATAL,
	AER_FATAL,
	AER_CORRECTABLE,
};

static __always_inline enum ras_severity aer_severity(__u8 severity)
{
	switch (severity) {
	case AER_NONFATAL:
		return RAS_RECOVERABLE;
	case AER_FATAL:
		return RAS_FATAL;
	case AER_CORRECTABLE:
		return RAS_CORRECTED;
	default:
		return RAS_UNKNOWN;
	}
}

/* Errors by the bits of the two status registers, as lspci and the kernel's log abbreviate them. */
#define AER_NAME 16

static const char aer_corrected[32][AER_NAME] = {
	[0] = "RxErr",	  [6] = "BadTLP",	[7] = "BadDLLP",     [8] = "Rollover",
	[12] = "Timeout", [13] = "NonFatalErr", [14] = "CorrIntErr", [15] = "HeaderOF",
};

static const char aer_uncorrected[32][AER_NAME] = {
	[0] = "Undefined",	[4] = "DLP",
	[5] = "SDES",		[12] = "TLP",
	[13] = "FCP",		[14] = "CmpltTO",
	[15] = "CmpltAbrt",	[16] = "UnxCmplt",
	[17] = "RxOF",		[18] = "MalfTLP",
	[19] = "ECRC",		[20] = "UnsupReq",
	[21] = "ACSViol",	[22] = "UncorrIntErr",
	[23] = "BlockedTLP",	[24] = "AtomicOpBlocked",
	[25] = "TLPBlockedErr", [26] = "PoisonTLPBlock",
};

static __always_inline void append(struct ras_scratch *slot, char c)
{
	__u32 at = slot->written;

	if (at >= RAS_TEXT - 1)
		return;
	slot->written = at + 1;
	/* Within bounds already; the verifier has lost sight of it. */
	barrier_var(at);
	slot->event.message[at & (RAS_TEXT - 1)] = c;
}

/* All errors that are set, with a blank between two, as the message. */
static __always_inline void name_errors(struct ras_scratch *slot, const char names[32][AER_NAME])
{
	int bit, i;

	slot->written = 0;
	for (bit = 0; bit < 32; bit++) {
		const char *name = names[bit];

		if (!(slot->event.aer_status & (1U << bit)) || !name[0])
			continue;
		if (slot->written)
			append(slot, ' ');
		for (i = 0; i < AER_NAME && name[i]; i++)
			append(slot, name[i]);
	}
}

static __always_inline void write_words(char *text, const __u32 *words)
{
	int i, digit;

#pragma unroll
	for (i = 0; i < AER_TLP_WORDS; i++) {
#pragma unroll
		for (digit = 0; digit < 8; digit++)
			text[9 * i + digit] = hex_digit(words[i] >> (28 - 4 * digit) & 15);
		text[9 * i + 8] = i < AER_TLP_WORDS - 1 ? ' ' : 0;
	}
}

/* Arguments: device, status register, severity, whether there is a TLP header, that header: four words in each kernel.
 */
static __always_inline int pcie(void *ctx, const __u64 *args)
{
	struct ras_scratch *slot = begin(RAS_PCIE_AER);
	struct ras_event *event;

	if (!slot)
		return 0;
	event = &slot->event;
	event->has_device = read_text(event->device, args[0]);
	event->has_aer = 1;
	event->aer_status = args[1];
	event->severity = aer_severity(args[2]);
	name_errors(slot, event->severity == RAS_CORRECTED ? aer_corrected : aer_uncorrected);
	event->has_message = event->message[0] != 0;
	if ((__u8)args[3] && !bpf_probe_read_kernel(slot->tlp, sizeof(slot->tlp), (const void *)args[4])) {
		write_words(event->aer_tlp_header, slot->tlp);
		event->has_aer_tlp = 1;
	}
	return end(ctx, event);
}

SEC("?tp_btf/aer_event")
int aer_event__tp_btf(__u64 *ctx)
{
	return pcie(ctx, ctx);
}

SEC("?raw_tp/aer_event")
int aer_event__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return pcie(ctx, (__u64 *)ctx);
}

/* --- firmware ---------------------------------------------------------------------------------------------------- */

/* From include/acpi/ghes.h: what the kernel makes of the severity of a record of UEFI's. */
static __always_inline enum ras_severity ghes_severity(__u8 severity)
{
	switch (severity) {
	case 0:
		return RAS_INFORMATIONAL;
	case 1:
		return RAS_CORRECTED;
	case 2:
		return RAS_RECOVERABLE;
	case 3:
		return RAS_FATAL;
	default:
		return RAS_UNKNOWN;
	}
}

/* As text. The first three groups are numbers in the byte order of x86, the others bytes in theirs. */
static __always_inline void read_guid(char *text, __u8 *guid, __u64 from)
{
	const __u8 order[RAS_GUID] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
	int i, at = 0;

	if (bpf_probe_read_kernel(guid, RAS_GUID, (const void *)from))
		return;
#pragma unroll
	for (i = 0; i < RAS_GUID; i++) {
		__u8 byte = guid[order[i]];

		if (i == 4 || i == 6 || i == 8 || i == 10)
			text[at++] = '-';
		text[at++] = hex_digit(byte >> 4);
		text[at++] = hex_digit(byte & 15);
	}
}

/* Arguments: the section's type, the replaceable unit's id and text, severity, the section's bytes and their number. */
static __always_inline int firmware(void *ctx, const __u64 *args)
{
	struct ras_scratch *slot = begin(RAS_FIRMWARE);
	struct ras_event *event;
	__u32 length;

	if (!slot)
		return 0;
	event = &slot->event;
	event->has_firmware = 1;
	read_guid(event->section_type, slot->guid, args[0]);
	read_guid(event->fru_id, slot->guid, args[1]);
	event->has_fru_text = read_text(event->fru_text, args[2]);
	event->severity = ghes_severity(args[3]);
	event->firmware_data_length = args[5];
	length = event->firmware_data_length;
	if (length > sizeof(event->firmware_data) - 1)
		length = sizeof(event->firmware_data) - 1;
	barrier_var(length);
	length &= sizeof(event->firmware_data) - 1;
	if (!bpf_probe_read_kernel(event->firmware_data, length, (const void *)args[4]))
		event->firmware_data_bytes = length;
	return end(ctx, event);
}

SEC("?tp_btf/non_standard_event")
int non_standard_event__tp_btf(__u64 *ctx)
{
	return firmware(ctx, ctx);
}

SEC("?raw_tp/non_standard_event")
int non_standard_event__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return firmware(ctx, (__u64 *)ctx);
}

/* --- ARM processors ---------------------------------------------------------------------------------------------- */

/* UEFI's "ARM Processor Error Section", and the "Error Information" that follows it: fixed for all kernels. */
#define ARM_VALID_MPIDR 1
#define ARM_VALID_AFFINITY_LEVEL 2
#define ARM_VALID_RUNNING_STATE 4
#define ARM_RUNNING 1
#define ARM_INFO_VALID_ERROR 4
#define ARM_INFO_VALID_ADDRESS 16

struct arm_section {
	__u32 validation_bits;
	__u16 err_info_num;
	__u16 context_info_num;
	__u32 section_length;
	__u8 affinity_level;
	__u8 reserved[3];
	__u64 mpidr;
	__u64 midr;
	__u32 running_state;
	__u32 psci_state;
	struct {
		__u8 version;
		__u8 length;
		__u16 validation_bits;
		__u8 type;
		__u8 multiple_error[2];
		__u8 flags;
		__u64 error_info;
		__u64 virtual_address;
		__u64 physical_address;
	} first;
};

static __always_inline void fill_arm(struct ras_event *event, const struct arm_section *section)
{
	event->has_arm = 1;
	event->arm_mpidr = section->mpidr;
	event->has_arm_mpidr = (section->validation_bits & ARM_VALID_MPIDR) != 0;
	event->arm_midr = section->midr;
	event->arm_affinity_level = section->affinity_level;
	event->has_arm_affinity_level = (section->validation_bits & ARM_VALID_AFFINITY_LEVEL) != 0;
	event->arm_running_state = section->running_state;
	event->has_arm_running_state = (section->validation_bits & ARM_VALID_RUNNING_STATE) != 0;
	event->arm_psci_state = section->psci_state;
	event->has_arm_psci_state = event->has_arm_running_state && !(section->running_state & ARM_RUNNING);
	event->error_count = section->err_info_num;
	event->has_error_count = 1;
	if (!section->err_info_num)
		return;
	event->arm_error_type = section->first.type;
	event->arm_error_info = section->first.error_info;
	event->has_arm_error = (section->first.validation_bits & ARM_INFO_VALID_ERROR) != 0;
	event->address = section->first.physical_address;
	event->has_address = (section->first.validation_bits & ARM_INFO_VALID_ADDRESS) != 0;
}

/* Arguments: the section; since 6.12 its parts, and as eighth the severity, which kernels before do not tell. */
static __always_inline int arm_processor(void *ctx, const __u64 *args, bool has_severity)
{
	struct ras_event *event = begin_event(RAS_ARM_PROCESSOR);
	struct arm_section section = {};

	if (!event)
		return 0;
	event->severity = has_severity ? ghes_severity(args[7]) : RAS_UNKNOWN;
	if (!bpf_probe_read_kernel(&section, sizeof(section), (const void *)args[0]))
		fill_arm(event, &section);
	return end(ctx, event);
}

SEC("?tp_btf/arm_event")
int arm_event__tp_btf(__u64 *ctx)
{
	if (bpf_core_field_exists(struct trace_event_raw_arm_event, sev))
		return arm_processor(ctx, ctx, true);
	return arm_processor(ctx, ctx, false);
}

SEC("?raw_tp/arm_event")
int arm_event__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	if (bpf_core_field_exists(struct trace_event_raw_arm_event, sev))
		return arm_processor(ctx, (__u64 *)ctx, true);
	return arm_processor(ctx, (__u64 *)ctx, false);
}

/* bpf_probe_read_kernel() is for GPL-compatible programs only. */
char LICENSE[] SEC("license") = "GPL";
