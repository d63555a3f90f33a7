/* clang -target bpf -g -O2 -c sample.bpf.c -o sample.bpf.o && llvm-strip -g sample.bpf.o */
typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;

struct sample_event {
	__u64 ktime_ns;
	__u64 sequence;
	__u32 cpu;
	__u8 has_port;
	__u8 frames;
	__u16 port;
	char comm[16];
	__u64 kernel_stack[8];
};

const volatile __u32 max_events_per_second = 100;
const volatile _Bool use_perf_buffer = 0;

struct sample_event *unused;

__attribute__((section("raw_tp/x"))) int sample(void *ctx)
{
	return max_events_per_second + use_perf_buffer;
}

__attribute__((section("license"))) char LICENSE[] = "GPL";
