package io.bianque.tests.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The same agent and the same object as on this machine's kernel, on kernels that Debian ships. */
@Tag("qemu")
class DropsOnDebianKernelsTest {
  private static final Path AGENT =
      Path.of("../probe-agent/target/dist").toAbsolutePath().normalize();
  private static final String WEST = "c0000201";
  private static final String EAST = "c0000202";
  private static final String WEST6 = "20010db8000000000000000000000001";
  private static final String EAST6 = "20010db8000000000000000000000002";

  /** Loaded in this order; what a kernel has built in is left out. */
  private static final List<String> MODULES =
      List.of("crc32c_generic", "virtio_pci", "virtio_blk", "veth", "nf_tables");

  @ParameterizedTest
  @EnumSource
  void areCapturedThroughBothChannels(DebianKernel debian, @TempDir Path folder) throws Exception {
    for (String program :
        List.of("qemu-system-x86_64", "busybox", "cpio", "xz", "dpkg-deb", "nft", "ip")) {
      assumeTrue(
          Tool.exists(program), () -> "needs " + program + ": ./bianque test qemu installs it");
    }
    assertThat(AGENT.resolve("bin/bianque-agent")).as("built by ./bianque build").exists();
    KernelFiles kernel = debian.unpack(folder);
    Path initramfs =
        GuestRoot.in(folder)
            .program("ip")
            .program("nft")
            .javaRuntime()
            .library("libbpf.so.1")
            .folder(AGENT, "agent")
            .modules(kernel.withDependencies(MODULES))
            .text("init", resource("init"))
            .text("namespaces.sh", resource("namespaces.sh"))
            .text("drops.sh", resource("drops.sh"))
            .text("guest.sh", resource("record.sh"))
            .pack(folder.resolve("initramfs.cpio"));

    Guest guest = Guest.run(folder, kernel, initramfs, Duration.ofMinutes(5));

    assertThat(Files.readString(guest.results().resolve("status")).strip())
        .as(guest.console())
        .isEqualTo("0");
    assertThat(Files.readString(guest.results().resolve("object.sha256")).strip())
        .isEqualTo(sha256(AGENT.resolve("probes/dropwatch.bpf.o")));
    for (String channel : List.of("ringbuf", "perf")) {
      RecordedDrops drops =
          new RecordedDrops(
              guest.results().resolve(channel + ".avro"), guest.results().resolve("kallsyms"));
      check(drops, kernel);
      String log = Files.readString(guest.results().resolve(channel + ".log"));
      assertThat(log).contains("channel=" + channel);
      System.out.printf(
          "%s, %s: guest took %.1f s, %s%n",
          kernel.release(), channel, guest.took().toMillis() / 1e3, drops.counters());
    }
  }

  private static void check(RecordedDrops drops, KernelFiles kernel) {
    assertThat(drops.host().get("kernel_release").toString()).isEqualTo(kernel.release());
    GenericRecord counters = drops.counters();
    assertThat((long) counters.get("attempted"))
        .isEqualTo(
            (long) counters.get("rate_limited")
                + (long) counters.get("ring_full")
                + (long) counters.get("submitted"));
    expect(drops, 4001, WEST, EAST, "SKB_DROP_REASON_NO_SOCKET", "tcp_v4_rcv");
    expect(drops, 4002, WEST, EAST, "SKB_DROP_REASON_NO_SOCKET", "__udp4_lib_rcv");
    expect(drops, 4003, WEST6, EAST6, "SKB_DROP_REASON_NO_SOCKET", "tcp_v6_rcv");
    // Where the packet is freed: by the hook's caller up to 6.7, by nftables itself since.
    expect(
        drops, 4004, WEST, EAST, "SKB_DROP_REASON_NETFILTER_DROP", "nf_hook_slow", "nft_do_chain");
    expect(drops, 4005, WEST6, EAST6, "SKB_DROP_REASON_NO_SOCKET", "__udp6_lib_rcv");
  }

  private static void expect(
      RecordedDrops drops,
      int port,
      String source,
      String destination,
      String reason,
      String... anyFunction) {
    assertThat(drops.to(port)).as("packets to port %d", port).isNotEmpty();
    GenericRecord event = drops.to(port).getFirst();
    assertThat(RecordedDrops.hex(event.get("saddr"))).isEqualTo(source);
    assertThat(RecordedDrops.hex(event.get("daddr"))).isEqualTo(destination);
    assertThat((int) event.get("sport")).isPositive();
    assertThat(drops.reason(event)).as("reason at port %d", port).isEqualTo(reason);
    assertThat(drops.functions(event)).as("stack at port %d", port).containsAnyOf(anyFunction);
  }

  private static String resource(String name) throws IOException {
    try (InputStream in = DropsOnDebianKernelsTest.class.getResourceAsStream(name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static String sha256(Path file) throws Exception {
    return HexFormat.of()
        .formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
  }
}
