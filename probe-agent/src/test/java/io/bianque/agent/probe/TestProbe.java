package io.bianque.agent.probe;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/** Probes made for a test: what a user would drop into the probe folder. */
final class TestProbe {
  private static final Path BPF = Path.of("../bpf");

  /** A probe of process starts; {@code PROGRAMS} are to call {@code report(ctx)}. */
  private static final String SOURCE =
      """
      #include "include/vmlinux.h"
      #include <bpf/bpf_helpers.h>
      #include "include/channel.h"
      #include "include/event.h"

      const volatile __s16 nice = 5;
      const volatile _Bool quiet = false;

      struct NAME_event {
      	EVENT_HEADER;
      	__s32 pid;
      	char comm[16];
      };

      struct NAME_scratch {
      	struct NAME_event event;
      };

      CHANNEL_SCRATCH(struct NAME_scratch);

      static __always_inline int report(void *ctx)
      {
      	int depth = channel_enter();
      	struct NAME_scratch *slot;
      	__u64 now = bpf_ktime_get_ns();

      	if (depth < 0)
      		return 0;
      	slot = bpf_map_lookup_elem(&scratch, &depth);
      	if (slot && channel_admit(nice, now, &slot->event.sequence)) {
      		slot->event.ktime_ns = now;
      		slot->event.cpu = bpf_get_smp_processor_id();
      		slot->event.pid = bpf_get_current_pid_tgid() >> 32;
      		bpf_get_current_comm(slot->event.comm, sizeof(slot->event.comm));
      		channel_submit(ctx, &slot->event, sizeof(slot->event));
      	}
      	channel_leave();
      	return 0;
      }

      PROGRAMS

      char LICENSE[] SEC("license") = "GPL";
      """;

  private static final String SCHEMA =
      """
      {"type": "record", "name": "NAME", "namespace": "io.bianque.raw", "fields": [
        {"name": "host_id", "type": {"type": "string", "logicalType": "host-id"}},
        {"name": "boot_id", "type": {"type": "string", "logicalType": "boot-id"}},
        {"name": "epoch", "type": {"type": "long", "logicalType": "probe-epoch"}},
        {"name": "cpu", "type": "int"},
        {"name": "sequence", "type": {"type": "long", "logicalType": "sequence"}},
        {"name": "ktime_ns", "type": {"type": "long", "logicalType": "monotonic-nanos"}},
        {"name": "time", "type": {"type": "long", "logicalType": "timestamp-nanos"}},
        {"name": "pid", "type": "PID"},
        {"name": "comm", "type": "string"}
      ]}
      """;

  private TestProbe() {}

  /** A program on a section: {@code program("exec__tp_btf", "tp_btf/sched_process_exec")}. */
  static String program(String name, String section) {
    return "SEC(\"%s\") int %s(void *ctx) { return report(ctx); }%n".formatted(section, name);
  }

  /** Compiles a probe of these programs into a folder. */
  static void make(Path folder, String name, String... programs) throws Exception {
    Path source = folder.resolve(name + ".bpf.c");
    Files.writeString(
        source, SOURCE.replace("NAME", name).replace("PROGRAMS", String.join("", programs)));
    ProcessBuilder clang =
        new ProcessBuilder(
            "clang",
            "-target",
            "bpf",
            "-g",
            "-O2",
            "-I",
            BPF.toString(),
            "-c",
            source.toString(),
            "-o",
            folder.resolve(name + ".bpf.o").toString());
    schema(folder, name, "int");
    try {
      Process process = clang.redirectErrorStream(true).start();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (!process.waitFor(60, TimeUnit.SECONDS) || process.exitValue() != 0) {
        throw new IllegalStateException(output);
      }
    } catch (IOException e) {
      Assumptions.abort("needs clang: " + e.getMessage());
    }
  }

  /** Writes a probe's schema. */
  static void schema(Path folder, String name, String pidType) throws IOException {
    Files.writeString(
        folder.resolve(name + ".avsc"), SCHEMA.replace("NAME", name).replace("PID", pidType));
  }

  /** Puts dropwatch into a folder. */
  static void dropwatch(Path folder) throws IOException {
    ProbeFiles files = ProbeBench.files("dropwatch");
    Files.copy(files.object().orElseThrow(), folder.resolve("dropwatch.bpf.o"));
    Files.copy(files.schema(), folder.resolve("dropwatch.avsc"));
  }
}
