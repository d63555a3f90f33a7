package io.bianque.agent.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.bianque.agent.btf.Btf;
import io.bianque.facts.HostFacts;
import io.bianque.facts.KernelEnumMember;
import io.bianque.facts.Module;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HostFactsReaderTest {
  private static final HostIdentity IDENTITY = new HostIdentity("h", "b", List.of());

  @TempDir Path folder;
  private RecordedHost recorded;

  @BeforeEach
  void aRecordedHost() throws IOException {
    recorded = new RecordedHost(folder);
  }

  @Test
  void readsARecordedHost() {
    HostFacts facts = read();

    assertThat(facts.getHostId()).isEqualTo("h");
    assertThat(facts.getBootId()).isEqualTo("b");
    assertThat(facts.getHostName()).isEqualTo("web-17");
    assertThat(facts.getMachine()).isEqualTo("x86_64");
    assertThat(facts.getKernelRelease()).isEqualTo("6.1.0-44-amd64");
    assertThat(facts.getKernelBuildId()).isEqualTo(RecordedHost.BUILD_ID);
    assertThat(facts.getTextAddress()).isEqualTo(RecordedHost.TEXT);
    assertThat(facts.getTextSize()).isEqualTo(0xe01e4fL);
    assertThat(facts.getInitTextAddress()).isEqualTo(RecordedHost.INIT_TEXT);
    assertThat(facts.getInitTextSize()).isEqualTo(0x6e7f8L);
    assertThat(facts.getSymbolsHiddenBecause()).isNull();
    assertThat(facts.getEnums()).isEmpty();
    assertThat(facts.getAgentVersion()).isEqualTo("1.0");
  }

  @Test
  void modulesAreKnownByTheirBuildIdsAndBases() {
    assertThat(read().getModules())
        .containsExactly(
            new Module("veth", RecordedHost.VETH_BUILD_ID, RecordedHost.VETH, 0x3000L),
            new Module("nobuildid", null, 0xffffffffc04a3000L, 0x1000L));
  }

  @Test
  void hiddenAddressesAreAbsentWithTheRemedy() throws IOException {
    recorded.put(
        "proc/kallsyms", RecordedHost.KALLSYMS.replaceAll("(?m)^[0-9a-f]{16}", "0000000000000000"));
    recorded.put("sys/module/veth/sections/.text", "0x0000000000000000");
    recorded.put("proc/sys/kernel/kptr_restrict", "2");
    HostFacts restricted = read();

    assertThat(restricted.getTextAddress()).isNull();
    assertThat(restricted.getTextSize()).isNull();
    assertThat(restricted.getInitTextAddress()).isNull();
    assertThat(restricted.getInitTextSize()).isNull();
    assertThat(restricted.getModules()).noneMatch(m -> m.getName().equals("veth"));
    assertThat(restricted.getSymbolsHiddenBecause())
        .contains("kernel.kptr_restrict = 2", "sysctl -w kernel.kptr_restrict=1", "CAP_SYSLOG");

    recorded.put("proc/sys/kernel/kptr_restrict", "1");
    recorded.put("proc/self/status", "CapEff:\t000000c000000000\n");
    assertThat(read().getSymbolsHiddenBecause())
        .contains("lacks CAP_SYSLOG", "AmbientCapabilities=CAP_SYSLOG");

    recorded.put("proc/self/status", "CapEff:\t0000000400000000\n");
    assertThat(read().getSymbolsHiddenBecause()).contains("although the agent has CAP_SYSLOG");
  }

  @Test
  void aKernelWithoutSymbolsSaysSo() throws IOException {
    recorded.put("proc/kallsyms", "ffffffff9ce00000 T _text\n");
    assertThat(read().getSymbolsHiddenBecause()).contains("no symbol _etext");

    recorded.remove("proc/kallsyms");
    assertThat(read().getSymbolsHiddenBecause()).contains("CONFIG_KALLSYMS");
  }

  @Test
  void aKernelWhoseInitTextIsNotMarkedTellsOfItsTextAlone() throws IOException {
    for (String mark : List.of("_sinittext", "_einittext")) {
      recorded.put("proc/kallsyms", RecordedHost.KALLSYMS.replace(" " + mark + "\n", " other\n"));

      HostFacts facts = read();

      assertThat(facts.getTextAddress()).isEqualTo(RecordedHost.TEXT);
      assertThat(facts.getInitTextAddress()).isNull();
      assertThat(facts.getInitTextSize()).isNull();
    }
  }

  @Test
  void aKernelWithoutModulesHasNone() throws IOException {
    recorded.remove("proc/modules");

    assertThat(read().getModules()).isEmpty();
  }

  @Test
  void notesThatAreMalformedOrWithoutABuildIdAreRefused() throws IOException {
    recorded.putNotes("sys/kernel/notes", 6, "Linux", "00060100");
    assertThatThrownBy(this::read)
        .isInstanceOf(HostException.class)
        .hasMessageContaining("sys/kernel/notes")
        .hasMessageContaining("no GNU build id");

    recorded.put("sys/kernel/notes", "garbage of more than a header");
    assertThatThrownBy(this::read).isInstanceOf(HostException.class);
  }

  @Test
  void readsThisMachine() throws IOException {
    HostFacts facts =
        new HostFactsReader(
                HostRoot.SYSTEM, IDENTITY, "1.0", Map.of("role", "db"), Set.of("skb_drop_reason"))
            .read();

    assertThat(facts.getKernelRelease())
        .isEqualTo(Files.readString(Path.of("/proc/sys/kernel/osrelease")).strip());
    assertThat(facts.getKernelBuildId()).matches("[0-9a-f]{16,64}");
    assertThat(facts.getObservedAt()).isBetween(Instant.now().minusSeconds(60), Instant.now());
    if (facts.getSymbolsHiddenBecause() == null) {
      assertThat(facts.getTextAddress()).isNegative();
      assertThat(facts.getTextSize()).isBetween(1L << 20, 1L << 30);
      assertThat(facts.getInitTextAddress())
          .isGreaterThanOrEqualTo(facts.getTextAddress() + facts.getTextSize());
      assertThat(facts.getInitTextSize()).isBetween(1L << 16, 1L << 26);
    } else {
      assertThat(facts.getTextAddress()).isNull();
    }
  }

  @Test
  void readsTheDropReasonsOfThisKernel() {
    assumeTrue(
        Btf.ofKernel().flatMap(k -> k.enumeration("skb_drop_reason")).isPresent(),
        "this kernel has no BTF, or no drop reasons (before 5.17)");

    HostFacts facts =
        new HostFactsReader(
                HostRoot.SYSTEM, IDENTITY, "1.0", Map.of("role", "db"), Set.of("skb_drop_reason"))
            .read();

    assertThat(facts.getEnums())
        .singleElement()
        .satisfies(found -> {
          assertThat(found.getName()).isEqualTo("skb_drop_reason");
          assertThat(found.getMembers())
              .extracting(KernelEnumMember::getName)
              .contains("SKB_DROP_REASON_NOT_SPECIFIED", "SKB_DROP_REASON_NO_SOCKET");
        });
  }

  @Test
  void theClockOffsetTurnsMonotonicIntoWallTime() {
    long offset = ClockOffset.measureNanos();

    Instant before = Instant.now();
    long wall = System.nanoTime() + offset;
    Instant after = Instant.now();
    // Both clocks run at one rate; the bound is for a machine that is busy while the samples are
    // taken.
    assertThat(Instant.ofEpochSecond(0, wall))
        .isBetween(before.minusMillis(5), after.plusMillis(5));
  }

  @Test
  void theOffsetOfATimeNamespaceIsKnown() throws IOException {
    Path offsets =
        Files.writeString(folder.resolve("timens"), "monotonic   3  500\nboottime 7 0\n");

    assertThat(ClockOffset.namespaceOffset(offsets)).isEqualTo(3_000_000_500L);
    assertThat(ClockOffset.namespaceOffset(folder.resolve("absent"))).isZero();
  }

  @Test
  void boundsAreOneReadOfTheFile() {
    assertThat(KernelText.read(recorded.host()))
        .isEqualTo(
            new KernelText.Known(
                new KernelText.Range(RecordedHost.TEXT, RecordedHost.TEXT + 0xe01e4f),
                Optional.of(
                    new KernelText.Range(RecordedHost.INIT_TEXT, RecordedHost.INIT_TEXT + 0x6e7f8)),
                Map.of(
                    "veth", 0xffffffffc049d8f0L,
                    "nobuildid", 0xffffffffc04a3000L,
                    "bpf", 0xffffffffc0500000L,
                    "__builtin__ftrace", 0xffffffffc0600000L)));
  }

  private HostFacts read() {
    return new HostFactsReader(
            recorded.host(), IDENTITY, "1.0", Map.of("role", "db"), Set.of("skb_drop_reason"))
        .read();
  }
}
