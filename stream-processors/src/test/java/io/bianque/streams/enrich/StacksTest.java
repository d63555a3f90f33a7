package io.bianque.streams.enrich;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.facts.HostFacts;
import io.bianque.facts.Module;
import io.bianque.schemas.wire.AvroReader;
import io.bianque.streams.facts.Host;
import io.bianque.streams.symbol.Stack;
import io.bianque.streams.symbol.SymbolTables;
import io.bianque.streams.symbol.Symbolizer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole stacks: what is the same over hosts, boots and builds, and what is remembered of it. */
class StacksTest {
  private static final String OTHER_HOST = "host-2";
  private static final long OTHER_TEXT = Scene.TEXT + 0x7400000;
  private static final long OTHER_MODULE = Scene.MODULE - 0x30000;
  private static final List<String> FRAMES =
      List.of("kfree_skb+0x10", "tcp_v4_rcv+0x40", "veth_xmit+0x20 [veth]");

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

  private static void otherHost(HostFacts facts) {
    facts.setHostId(OTHER_HOST);
    facts.setTextAddress(OTHER_TEXT);
    facts.setInitTextAddress(OTHER_TEXT + 0x80000);
    facts.setModules(List.of(new Module("veth", Scene.MODULE_ID, OTHER_MODULE, 0x1000L)));
  }

  private static Consumer<GenericRecord> onOtherHost(Long... stack) {
    return event -> {
      event.put("host_id", OTHER_HOST);
      event.put("kernel_stack", List.of(stack));
    };
  }

  private static Consumer<GenericRecord> withStack(Long... stack) {
    return event -> event.put("kernel_stack", List.of(stack));
  }

  private static Object hash(GenericRecord event) {
    return event.get("kernel_stack_hash");
  }

  private static Object functionsHash(GenericRecord event) {
    return event.get("kernel_stack_functions_hash");
  }

  private void everythingKnown() {
    scene.facts();
    scene.container(container -> container.setHostId(OTHER_HOST));
    scene.facts(StacksTest::otherHost);
    scene.kernelSymbols();
    scene.moduleSymbols();
  }

  @Test
  void theSameStackOnAnotherHostOfTheBuildHasTheSameFramesAndHashes() {
    everythingKnown();
    scene.drop();
    scene.drop(onOtherHost(OTHER_TEXT + 0x1010, OTHER_TEXT + 0x2040, OTHER_MODULE + 0x120));

    List<GenericRecord> events = scene.enriched();

    assertThat(events)
        .hasSize(2)
        .allSatisfy(event -> {
          assertThat(event.get("kernel_stack")).isEqualTo(FRAMES);
          assertThat(hash(event)).isEqualTo("6c4e9d7e25f2a63e");
          assertThat(functionsHash(event)).isEqualTo("da32cdfcaaf2bc30");
        });
  }

  @Test
  void theSameAddressesOnAnotherHostAreAnotherStack() {
    everythingKnown();
    scene.facts(facts -> {
      otherHost(facts);
      facts.setTextAddress(Scene.TEXT - 0x1000);
      facts.setInitTextAddress(null);
      facts.setModules(List.of());
    });
    Long[] stack = {Scene.TEXT + 0x1010, Scene.TEXT + 0x2040};
    scene.drop(withStack(stack));
    scene.drop(onOtherHost(stack));

    List<GenericRecord> events = scene.enriched();

    assertThat(events)
        .extracting(event -> event.get("kernel_stack"))
        .containsExactly(
            List.of("kfree_skb+0x10", "tcp_v4_rcv+0x40"),
            List.of("tcp_v4_rcv+0x10", "ip_rcv+0x40"));
    assertThat(hash(events.get(0))).isNotEqualTo(hash(events.get(1)));
    assertThat(functionsHash(events.get(0))).isNotEqualTo(functionsHash(events.get(1)));
  }

  @Test
  void anotherBuildHasTheSameHashOfFunctionsAndAnotherOfFrames() {
    everythingKnown();
    scene.facts(facts -> {
      otherHost(facts);
      facts.setKernelBuildId("0a0b0c");
    });
    scene.chunk(
        "0a0b0c",
        "vmlinux",
        0,
        true,
        Map.of(0x500L, "kfree_skb", 0x700L, "tcp_v4_rcv.constprop.0", 0x900L, "ip_rcv"));
    scene.drop();
    scene.drop(onOtherHost(OTHER_TEXT + 0x514, OTHER_TEXT + 0x750, OTHER_MODULE + 0x120));

    List<GenericRecord> events = scene.enriched();

    assertThat(events.get(1).get("kernel_stack"))
        .isEqualTo(
            List.of("kfree_skb+0x14", "tcp_v4_rcv.constprop.0+0x50", "veth_xmit+0x20 [veth]"));
    assertThat(functionsHash(events.get(1))).isNotNull().isEqualTo(functionsHash(events.get(0)));
    assertThat(hash(events.get(1))).isNotNull().isNotEqualTo(hash(events.get(0)));
  }

  @Test
  void aStackOfWhichATableIsMissingHasNoHashesUntilItComes() {
    scene.facts();
    scene.kernelSymbols();
    scene.drop();
    scene.pass(Duration.ofSeconds(31));
    GenericRecord without = scene.enriched().getFirst();
    assertThat(without.get("kernel_stack").toString()).contains(Scene.MODULE_ID + "+0x120 [veth]");
    assertThat(hash(without)).isNull();
    assertThat(functionsHash(without)).isNull();

    scene.moduleSymbols();
    scene.drop();
    GenericRecord with = scene.enriched().getFirst();

    assertThat(with.get("kernel_stack")).isEqualTo(FRAMES);
    assertThat(hash(with)).isEqualTo("6c4e9d7e25f2a63e");
    assertThat(functionsHash(with)).isEqualTo("da32cdfcaaf2bc30");
  }

  @Test
  void whatIsAbsentOrEmptyHasNoHash() {
    everythingKnown();
    scene.drop(withStack());
    GenericRecord event = scene.enriched().getFirst();

    assertThat(event.get("kernel_stack")).isEqualTo(List.of());
    assertThat(hash(event)).isNull();
    assertThat(functionsHash(event)).isNull();
  }

  @Test
  void withoutHostFactsThereIsNoHash() {
    scene.drop();
    scene.pass(Duration.ofSeconds(31));
    GenericRecord event = scene.enriched().getFirst();

    assertThat(event.get("kernel_stack").toString()).startsWith("[0xffffffff81001010,");
    assertThat(hash(event)).isNull();
  }

  @Test
  void aTableThatChangesChangesTheStacksThatCameBefore() {
    everythingKnown();
    scene.drop();
    scene.drop();
    scene.chunk(Scene.MODULE_ID, "veth", 0, true, Map.of(0x100L, "veth_poll", 0x200L, "veth_open"));
    scene.drop();

    assertThat(scene.enriched())
        .extracting(event -> ((List<?>) event.get("kernel_stack")).getLast().toString())
        .containsExactly("veth_xmit+0x20 [veth]", "veth_xmit+0x20 [veth]", "veth_poll+0x20 [veth]");
  }

  @Test
  void theSecondTimeAnUnresolvedStackSaysTheSame() {
    everythingKnown();
    Long[] stack = {Scene.TEXT + 0x1010, Scene.MODULE + 0x5000, Scene.TEXT + 0x2040};
    for (int i = 0; i < 2; i++) {
      scene.drop(withStack(stack));
    }

    assertThat(scene.enriched())
        .hasSize(2)
        .allSatisfy(event -> {
          assertThat(event.get("kernel_stack"))
              .isEqualTo(List.of("kfree_skb+0x10", "0xffffffffc0405000", "tcp_v4_rcv+0x40"));
          assertThat(event.get("missing").toString())
              .contains("symbols: an address lies in no text that the host told of");
          assertThat(hash(event)).isNull();
          assertThat(functionsHash(event)).isNull();
        });
  }

  /** Not only an equal one: nothing is made of it anew. */
  @Test
  void aStackThatCameBeforeIsTheSameObjectOnAllHostsOfTheBuild() {
    everythingKnown();
    Symbolizer symbolizer =
        new Symbolizer(new SymbolTables(scene.registry, 16 << 20), scene.store("symbols"));
    List<String> reasons = new ArrayList<>();
    Symbolizer.Unresolved unresolved =
        new Symbolizer.Unresolved() {
          @Override
          public void noTable(String object, String buildId, String reason) {
            reasons.add(reason);
          }

          @Override
          public void never(String reason) {
            reasons.add(reason);
          }
        };
    List<Long> stack = List.of(Scene.TEXT + 0x1010, Scene.TEXT + 0x2040, Scene.MODULE + 0x120);
    List<Long> moved = List.of(OTHER_TEXT + 0x1010, OTHER_TEXT + 0x2040, OTHER_MODULE + 0x120);

    Stack first = symbolizer.stack(host(facts -> {}), stack, unresolved);

    assertThat(first.frames()).isEqualTo(FRAMES);
    assertThat(symbolizer.stack(host(facts -> {}), stack, unresolved)).isSameAs(first);
    assertThat(symbolizer.stack(host(StacksTest::otherHost), moved, unresolved)).isSameAs(first);
    assertThat(reasons).isEmpty();
  }

  private Host host(Consumer<HostFacts> changes) {
    return new Host(
        AvroReader.specific(scene.registry, HostFacts.class).read(scene.factsRecord(changes)));
  }
}
