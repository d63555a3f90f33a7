package io.bianque.streams.enrich;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.streams.dns.ReverseNames.Answer;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

class EnrichmentTest {
  @TempDir Path state;
  private Scene scene;

  @BeforeEach
  void open() {
    scene = new Scene(state);
  }

  @AfterEach
  void close() {
    scene.close();
  }

  private void everythingKnown() {
    scene.facts();
    scene.kernelSymbols();
    scene.moduleSymbols();
  }

  private GenericRecord only() {
    List<GenericRecord> events = scene.enriched();
    assertThat(events).hasSize(1);
    return events.getFirst();
  }

  @Test
  void givesEveryFieldItsMeaning() {
    everythingKnown();
    scene.dns.put("10.0.0.1", new Answer.Known("client.example.org"));
    scene.drop();
    GenericRecord event = only();
    assertThat(event.get("missing")).isEqualTo(List.of());
    assertThat(event.get("event_id")).isEqualTo("bianque.raw.dropwatch-0-0");
    assertThat(event.get("host_name")).isEqualTo("web-1");
    assertThat(event.get("kernel_release")).isEqualTo("6.18.0");
    assertThat(event.get("kernel_build_id")).isEqualTo(Scene.KERNEL_ID);
    assertThat(event.get("rules_version")).isEqualTo("none");
    assertThat(event.get("kernel_stack"))
        .isEqualTo(List.of("kfree_skb+0x10", "tcp_v4_rcv+0x40", "veth_xmit+0x20 [veth]"));
    assertThat(event.get("location")).isEqualTo("kfree_skb+0x10");
    assertThat(event.get("saddr")).isEqualTo("10.0.0.1");
    assertThat(event.get("saddr_name")).isEqualTo("client.example.org");
    assertThat(event.get("daddr")).isEqualTo("10.0.0.2");
    assertThat(event.get("daddr_name")).isNull();
    assertThat(event.get("sk_state")).isEqualTo("CLOSE_WAIT");
    assertThat(event.get("drop_reason")).isEqualTo("NO_SOCKET");
    assertThat(event.get("drop_reason_code")).isEqualTo(3L);
    assertThat(event.get("ip_protocol")).isEqualTo("tcp");
    assertThat(event.get("ether_type")).isEqualTo("ipv4");
    assertThat(event.get("tcp_flags")).isEqualTo(List.of("SYN", "ACK"));
    assertThat(event.get("drop_source")).isEqualTo("software");
    assertThat(event.get("comm")).isEqualTo("curl");
    assertThat(event.get("tcp_seq")).isNull();
  }

  @Test
  void keepsKeyAndTimeOfTheRawRecord() {
    everythingKnown();
    scene.drop();
    var record = scene.records("bianque.enriched.dropwatch").getFirst();
    assertThat(new String(record.key(), java.nio.charset.StandardCharsets.UTF_8))
        .isEqualTo(Scene.HOST);
    assertThat(record.getRecordTime()).isEqualTo(Instant.ofEpochSecond(1_700_000_100));
  }

  @TestFactory
  List<DynamicTest> theOrderOfArrivalDoesNotMatter() {
    Map<String, Consumer<Scene>> arrivals =
        Map.of(
            "facts",
            s -> s.facts(),
            "kernel symbols",
            Scene::kernelSymbols,
            "module symbols",
            Scene::moduleSymbols,
            "two events",
            s -> {
              s.drop();
              s.drop(e -> e.put("sk_state", 1));
            });
    List<DynamicTest> tests = new ArrayList<>();
    for (List<String> order : permutations(List.copyOf(arrivals.keySet()))) {
      tests.add(
          DynamicTest.dynamicTest(
              String.join(", ", order),
              () -> {
                try (Scene own = new Scene(state.resolve(order.hashCode() + ""))) {
                  for (String arrival : order) {
                    arrivals.get(arrival).accept(own);
                    own.pass(Duration.ofSeconds(1));
                  }
                  List<GenericRecord> events = own.enriched();
                  assertThat(events).hasSize(2);
                  assertThat(events)
                      .allSatisfy(e -> assertThat(e.get("missing")).isEqualTo(List.of()));
                  assertThat(events)
                      .allSatisfy(e ->
                          assertThat(e.get("kernel_stack"))
                              .isEqualTo(
                                  List.of(
                                      "kfree_skb+0x10",
                                      "tcp_v4_rcv+0x40",
                                      "veth_xmit+0x20 [veth]")));
                  // As they came from the host, whatever each had to wait for.
                  assertThat(events.stream().map(e -> e.get("event_id")))
                      .containsExactly("bianque.raw.dropwatch-0-0", "bianque.raw.dropwatch-0-1");
                }
              }));
    }
    return tests;
  }

  private static List<List<String>> permutations(List<String> of) {
    if (of.isEmpty()) {
      return List.of(List.of());
    }
    List<List<String>> all = new ArrayList<>();
    for (String first : of) {
      List<String> rest = new ArrayList<>(of);
      rest.remove(first);
      for (List<String> tail : permutations(rest)) {
        List<String> one = new ArrayList<>(List.of(first));
        one.addAll(tail);
        all.add(one);
      }
    }
    return all;
  }

  @Test
  void anEventWithoutHostFactsGoesOnMarkedAfterItsWait() {
    scene.drop();
    scene.pass(Duration.ofSeconds(29));
    assertThat(scene.enriched()).isEmpty();
    scene.pass(Duration.ofSeconds(2));
    GenericRecord event = only();
    assertThat(event.get("missing"))
        .isEqualTo(List.of("host facts: none of boot b007-1 have come"));
    assertThat(event.get("host_name")).isNull();
    assertThat(event.get("drop_reason")).isEqualTo("3");
    assertThat(event.get("kernel_stack"))
        .isEqualTo(List.of("0xffffffff81001010", "0xffffffff81002040", "0xffffffffc0400120"));
  }

  @Test
  void afterOneWaitInVainTheNextEventsDoNotWait() {
    scene.drop();
    scene.pass(Duration.ofSeconds(31));
    scene.drop();
    assertThat(scene.enriched()).hasSize(2);
    scene.facts();
    scene.kernelSymbols();
    scene.moduleSymbols();
    scene.drop();
    assertThat(only().get("missing")).isEqualTo(List.of());
  }

  @Test
  void withoutATableFramesKeepBuildIdAndOffset() {
    scene.facts();
    scene.moduleSymbols();
    scene.drop();
    scene.pass(Duration.ofSeconds(31));
    GenericRecord event = only();
    assertThat(event.get("kernel_stack"))
        .isEqualTo(List.of("9f8e7d6c5b4a+0x1010", "9f8e7d6c5b4a+0x2040", "veth_xmit+0x20 [veth]"));
    assertThat(event.get("missing"))
        .isEqualTo(List.of("symbols: vmlinux 9f8e7d6c5b4a: no host has published its table"));
    assertThat(event.get("drop_reason")).isEqualTo("NO_SOCKET");
  }

  @Test
  void anIncompleteTableIsNone() {
    scene.facts();
    scene.moduleSymbols();
    scene.chunk(Scene.KERNEL_ID, "vmlinux", 0, false, Map.of(0x1000L, "kfree_skb"));
    scene.drop();
    scene.pass(Duration.ofSeconds(31));
    assertThat(only().get("missing"))
        .isEqualTo(List.of("symbols: vmlinux 9f8e7d6c5b4a: chunk 1 of its table is missing"));
  }

  @Test
  void hiddenAddressesStayAndSayWhy() {
    scene.facts(facts -> {
      facts.setTextAddress(null);
      facts.setTextSize(null);
      facts.setSymbolsHiddenBecause("kernel.kptr_restrict is 2");
    });
    scene.drop();
    GenericRecord event = only();
    assertThat(event.get("location")).isEqualTo("0xffffffff81001010");
    assertThat(event.get("missing"))
        .isEqualTo(
            List.of("symbols: addresses of this host mean nothing: kernel.kptr_restrict is 2"));
  }

  @Test
  void anAddressAtTheEndOfTheTextIsNoSymbolButAReturnAddressThereIs() {
    everythingKnown();
    long end = Scene.TEXT + 0x10000;
    scene.drop(e -> e.put("kernel_stack", List.of(end, end)));
    assertThat(only().get("kernel_stack"))
        .isEqualTo(List.of("0xffffffff81010000", "ip_rcv+0xd000"));
  }

  /** CPU 0's idle task was called from code that is freed once the kernel has started. */
  private static void onTheIdleTaskOfCpu0(GenericRecord event) {
    long init = Scene.INIT_TEXT;
    event.put(
        "kernel_stack",
        List.of(Scene.TEXT + 0x1010, init + 0x890, init + 0xf00, init + 0x1000, init + 0x1001));
  }

  private static final List<String> IDLE_TASK_OF_CPU_0 =
      List.of(
          "kfree_skb+0x10",
          "start_kernel+0x790",
          "start_kernel+0xe00",
          "x86_64_start_kernel+0x100",
          "0xffffffff81081001");

  private static final String IN_NO_TEXT =
      "symbols: an address lies in no text that the host told of: in a BPF program, a trampoline, or"
          + " a module that was just starting, came later or is gone";

  @Test
  void framesInTheKernelsInitTextHaveTheirNamesUpToItsEnd() {
    everythingKnown();
    scene.initSymbols();
    scene.drop(EnrichmentTest::onTheIdleTaskOfCpu0);
    GenericRecord event = only();
    assertThat(event.get("kernel_stack")).isEqualTo(IDLE_TASK_OF_CPU_0);
    assertThat(event.get("missing")).isEqualTo(List.of(IN_NO_TEXT));
  }

  /** Its table of the text is the same, and the other it does not touch. */
  @Test
  void anAgentThatDoesNotKnowOfInitTextMayPublishTheSameBuildsTableLast() {
    everythingKnown();
    scene.initSymbols();
    scene.kernelSymbols();
    scene.drop(EnrichmentTest::onTheIdleTaskOfCpu0);
    assertThat(only().get("kernel_stack")).isEqualTo(IDLE_TASK_OF_CPU_0);
  }

  @Test
  void withoutTheTableOfInitTextItsFramesKeepBuildIdAndOffsetFromText() {
    everythingKnown();
    scene.drop(e -> e.put("kernel_stack", List.of(Scene.TEXT + 0x1010, Scene.INIT_TEXT + 0x890)));
    scene.pass(Duration.ofSeconds(31));
    GenericRecord event = only();
    assertThat(event.get("kernel_stack"))
        .isEqualTo(List.of("kfree_skb+0x10", "9f8e7d6c5b4a+0x80890"));
    assertThat(event.get("missing"))
        .isEqualTo(List.of("symbols: vmlinux.init 9f8e7d6c5b4a: no host has published its table"));
  }

  @Test
  void factsOfAnotherBootAreNotApplied() {
    everythingKnown();
    scene.facts(facts -> {
      facts.setBootId("b007-2");
      facts.setTextAddress(Scene.TEXT + 0x500000);
      facts.setObservedAt(Instant.ofEpochSecond(1_700_000_050));
    });
    scene.drop();
    scene.drop(e -> {
      e.put("boot_id", "b007-2");
      e.put("location", Scene.TEXT + 0x501010);
      e.put("kernel_stack", List.of());
    });
    assertThat(scene.enriched())
        .extracting(e -> e.get("location"))
        .containsExactly("kfree_skb+0x10", "kfree_skb+0x10");
  }

  @Test
  void aHostsFactsAreThoseOfTheEventsOwnTime() {
    everythingKnown();
    scene.facts(facts -> {
      facts.setHostName("renamed");
      facts.setModules(List.of()); // veth was unloaded
      facts.setObservedAt(Instant.ofEpochSecond(1_700_000_060));
    });
    scene.drop(e -> e.put("time", 1_700_000_059_000_000_000L));
    scene.drop(e -> {
      e.put("time", 1_700_000_061_000_000_000L);
      e.put("kernel_stack", List.of());
    });
    assertThat(scene.enriched())
        .extracting(e -> e.get("host_name"))
        .containsExactly("web-1", "renamed");
  }

  @Test
  void theStackOfAnEventFromBeforeAModuleWasUnloadedHasItsFunctions() {
    everythingKnown();
    scene.facts(facts -> {
      facts.setModules(List.of());
      facts.setObservedAt(Instant.ofEpochSecond(1_700_000_060));
    });
    scene.drop(e -> e.put("time", 1_700_000_059_000_000_000L));
    assertThat(only().get("kernel_stack"))
        .isEqualTo(List.of("kfree_skb+0x10", "tcp_v4_rcv+0x40", "veth_xmit+0x20 [veth]"));
  }

  @Test
  void aModuleWasThereBeforeTheHostToldOfIt() {
    scene.facts(facts -> {
      facts.setModules(List.of());
      facts.setObservedAt(Instant.ofEpochSecond(1_699_999_900));
    });
    everythingKnown();
    scene.drop(e -> e.put("time", 1_699_999_950_000_000_000L));
    assertThat(only().get("missing")).isEqualTo(List.of());
  }

  @Test
  void olderFactsOfTheSameBootDoNotReplaceNewerOnes() {
    everythingKnown();
    scene.facts(facts -> {
      facts.setHostName("old-name");
      facts.setObservedAt(Instant.ofEpochSecond(1_600_000_000));
    });
    scene.drop();
    assertThat(only().get("host_name")).isEqualTo("web-1");
  }

  @Test
  void anUnknownDropReasonStaysANumberAndIsMarked() {
    everythingKnown();
    scene.drop(e -> e.put("drop_reason", 999L));
    GenericRecord event = only();
    assertThat(event.get("drop_reason")).isEqualTo("999");
    assertThat(event.get("drop_reason_code")).isEqualTo(999L);
    assertThat(event.get("missing"))
        .isEqualTo(List.of("drop_reason: 999 has no name in this kernel"));
  }

  @Test
  void anIpv6AddressIsWrittenAsRfc5952Says() {
    everythingKnown();
    byte[] address = new byte[16];
    address[0] = 0x20;
    address[1] = 0x01;
    address[2] = 0x0d;
    address[3] = (byte) 0xb8;
    address[15] = 1;
    scene.drop(e -> e.put("saddr", ByteBuffer.wrap(address)));
    assertThat(only().get("saddr")).isEqualTo("2001:db8::1");
  }

  @Test
  void aNameThatDoesNotComeInTimeIsMarked() {
    everythingKnown();
    scene.dns.put("10.0.0.2", new Answer.Pending());
    scene.drop();
    scene.pass(Duration.ofMillis(200));
    assertThat(scene.enriched()).isEmpty();
    scene.pass(Duration.ofMillis(100));
    GenericRecord event = only();
    assertThat(event.get("daddr_name")).isNull();
    assertThat(event.get("missing")).isEqualTo(List.of("daddr_name: DNS has not answered in time"));
  }

  @Test
  void aNameThatComesInTimeIsInTheEvent() {
    everythingKnown();
    scene.dns.put("10.0.0.2", new Answer.Pending());
    scene.drop();
    scene.dns.put("10.0.0.2", new Answer.Known("server.example.org"));
    scene.pass(Duration.ofMillis(50));
    GenericRecord event = only();
    assertThat(event.get("daddr_name")).isEqualTo("server.example.org");
    assertThat(event.get("missing")).isEqualTo(List.of());
  }

  /** Its answer's time is over when the facts come, or a process that was restarted asks. */
  @Test
  void aNameThatIsAskedForOnlyWhenAllElseIsThereIsWaitedForAsLong() {
    scene.kernelSymbols();
    scene.moduleSymbols();
    scene.drop();
    scene.pass(Duration.ofSeconds(1));
    scene.dns.put("10.0.0.2", new Answer.Pending());
    scene.facts();
    scene.pass(Duration.ofMillis(200));
    assertThat(scene.enriched()).isEmpty();
    scene.dns.put("10.0.0.2", new Answer.Known("server.example.org"));
    scene.pass(Duration.ofMillis(50));
    GenericRecord event = only();
    assertThat(event.get("daddr_name")).isEqualTo("server.example.org");
    assertThat(event.get("missing")).isEqualTo(List.of());
  }

  @Test
  void aNameThatIsLateAlreadyIsNotWaitedForAgain() {
    scene.kernelSymbols();
    scene.moduleSymbols();
    scene.dns.put("10.0.0.2", new Answer.Pending());
    scene.drop();
    scene.pass(Duration.ofSeconds(1));
    scene.facts();
    scene.pass(Duration.ofMillis(50));
    assertThat(only().get("missing"))
        .isEqualTo(List.of("daddr_name: DNS has not answered in time"));
  }

  @Test
  void oneHostThatWaitsHoldsUpNoOther() {
    everythingKnown();
    scene.send(Scene.RAW, "host-2", scene.event(e -> e.put("host_id", "host-2")));
    scene.drop();
    assertThat(only().get("host_id")).isEqualTo(Scene.HOST);
    assertThat(scene.metrics.waiting()).isEqualTo(1);
  }

  @Test
  void aFullWaitingRoomLetsTheOldestGoMarked() {
    EnrichSettings defaults = EnrichSettings.defaults();
    EnrichSettings small =
        new EnrichSettings(
            defaults.factsWait(),
            defaults.symbolsWait(),
            defaults.containersWait(),
            defaults.namesWait(),
            defaults.absentFor(),
            3,
            defaults.keepState(),
            defaults.maxRecordBytes());
    try (Scene own =
        new Scene(state.resolve("small"), small, io.bianque.streams.rule.Rules.none())) {
      for (int i = 0; i < 5; i++) {
        own.drop();
      }
      assertThat(own.enriched())
          .extracting(e -> e.get("event_id"))
          .containsExactly("bianque.raw.dropwatch-0-0", "bianque.raw.dropwatch-0-1");
      own.facts();
      own.kernelSymbols();
      own.moduleSymbols();
      own.pass(Duration.ofMillis(50));
      assertThat(own.enriched())
          .hasSize(3)
          .allSatisfy(e -> assertThat(e.get("missing")).isEqualTo(List.of()));
    }
  }
}
