package io.bianque.agent.probe;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.agent.encode.CodeNames;
import io.bianque.agent.host.ClockOffset;
import io.bianque.agent.probe.ProbeSettings.Channel;
import io.bianque.agent.probe.ProbeState.Attached;
import io.bianque.agent.probe.ProbeState.Stopped;
import io.bianque.agent.testing.BpfMount;
import io.bianque.agent.testing.KernelTest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.apache.avro.Schema;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Probes that go on in the kernel while no agent runs. */
@KernelTest
class PinnedProbesTest {
  private static final String EXEC = TestProbe.program("exec__tp_btf", "tp_btf/sched_process_exec");
  private static final String EXIT = TestProbe.program("exit__tp_btf", "tp_btf/sched_process_exit");
  private static final String NAME = "starts";

  @TempDir Path folder;
  @TempDir Path state;
  @TempDir Path mountPoint;

  private BpfMount mount;

  @BeforeEach
  void mount() throws Exception {
    mount = BpfMount.on(mountPoint);
    TestProbe.make(folder, NAME, EXEC);
  }

  @AfterEach
  void unmount() {
    var _ = pins().deleteAll();
    mount.close();
  }

  @Test
  void eventsOfTheTimeWithoutAnAgentAreReadByTheNext() throws Exception {
    Taken first = new Taken(true);
    ProbeReport left;
    try (Probes probes = start(first, settings())) {
      exec(3);
      probes.drain(1000);
      left = report(probes);
      probes.leave();
    }
    exec(5);
    Taken second = new Taken(true);
    try (Probes probes = start(second, settings())) {
      assertThat(report(probes).epoch()).isEqualTo(left.epoch());
      assertThat(report(probes).read()).isEqualTo(first.events);
      exec(2);
      probes.drain(1000);

      ProbeReport report = report(probes);
      assertThat(second.events).isGreaterThanOrEqualTo(7);
      assertThat(second.adopted).containsExactly(NAME + " " + first.events);
      assertThat(report.read()).isEqualTo(first.events + second.events);
      assertThat(report.kernel().submitted()).isEqualTo(report.read());
      assertThat(((Attached) report.state()).hook()).isEqualTo("tp_btf/sched_process_exec");
    }
  }

  @Test
  void whatWasReadButNotSettledIsReadAgain() throws Exception {
    Taken first = new Taken(false);
    try (Probes probes = start(first, settings())) {
      exec(4);
      probes.drain(1000);
      assertThat(first.events).isGreaterThanOrEqualTo(4);
      first.receipts.getFirst().settled();
      probes.leave();
    }
    Taken second = new Taken(true);
    try (Probes probes = start(second, settings())) {
      probes.drain(first.events - 1);

      assertThat(second.events).isEqualTo(first.events - 1);
      assertThat(second.adopted).containsExactly(NAME + " 1");
    }
  }

  /** Whoever adopts a ring that is written to meets it at any moment. */
  @Test
  void countGoesOnUnderLoad() throws Exception {
    Taken taken = new Taken(true);
    Process load = new ProcessBuilder("sh", "-c", "while :; do /bin/true; done").start();
    try {
      for (int i = 0; i < 30; i++) {
        try (Probes probes = start(taken, settings())) {
          probes.drain(10);
          assertThat(report(probes).read()).isEqualTo(taken.events);
          probes.leave();
        }
      }
    } finally {
      load.destroy();
      load.waitFor();
    }
    try (Probes probes = start(taken, settings())) {
      probes.drain(1000);
      ProbeReport report = report(probes);
      assertThat(report.read()).isEqualTo(taken.events).isEqualTo(report.kernel().submitted());
    }
  }

  @Test
  void unsettledEventsDoNotKeepNewOnesOut() throws Exception {
    Taken taken = new Taken(false);
    try (Probes probes = start(taken, settings())) {
      // The ring has room for some 80 events.
      for (int i = 0; i < 40; i++) {
        exec(5);
        probes.drain(1000);
      }

      assertThat(report(probes).kernel().ringFull()).isZero();
      assertThat(taken.events).isGreaterThanOrEqualTo(200);
    }
  }

  @Test
  void anotherObjectEndsTheLifeAndReadsWhatWaited() throws Exception {
    Taken first = new Taken(true);
    long epoch;
    try (Probes probes = start(first, settings())) {
      epoch = report(probes).epoch();
      probes.leave();
    }
    exec(3);
    TestProbe.make(folder, NAME, EXIT);
    Taken second = new Taken(true);
    try (Probes probes = start(second, settings())) {
      assertThat(second.events).isGreaterThanOrEqualTo(3);
      assertThat(second.ended).hasSize(1);
      ProbeReport ended = second.ended.getFirst();
      assertThat(ended.epoch()).isEqualTo(epoch);
      assertThat(ended.state()).isEqualTo(new Stopped());
      assertThat(ended.read()).isEqualTo(ended.kernel().submitted());
      assertThat(report(probes).epoch()).isGreaterThan(epoch);
      assertThat(((Attached) report(probes).state()).hook()).isEqualTo("tp_btf/sched_process_exit");
      assertThat(pins().of(NAME)).isPresent();
    }
  }

  @Test
  void probeThatIsNotWantedAnyMoreEnds() throws Exception {
    try (Probes probes = start(new Taken(true), settings())) {
      probes.leave();
    }
    exec(2);
    Taken second = new Taken(true);
    try (Probes _ = start(second, settings(Map.of(NAME, false)))) {
      assertThat(second.events).isGreaterThanOrEqualTo(2);
      assertThat(second.ended).hasSize(1);
      assertThat(pins().probes()).isEmpty();
      assertThat(Pins.list(pinFolder())).isEmpty();
    }
  }

  @Test
  void stoppingLeavesNothing() throws Exception {
    try (Probes probes = start(new Taken(true), settings())) {
      assertThat(pins().probes()).containsExactly(NAME);
      probes.stop(NAME);

      assertThat(Pins.list(pinFolder())).isEmpty();
      assertThat(Pins.list(state)).isEmpty();
    }
  }

  @Test
  void detachingLeavesNothing() throws Exception {
    try (Probes probes = start(new Taken(true), settings())) {
      probes.leave();
    }
    assertThat(pins().deleteAll()).containsExactly(NAME);

    assertThat(Pins.list(state)).isEmpty();
    Taken second = new Taken(true);
    exec(1);
    try (Probes _ = start(second, settings())) {
      assertThat(second.adopted).isEmpty();
    }
  }

  @Test
  void whatAKilledAgentPinnedHalfIsNotAdopted() throws Exception {
    try (Probes probes = start(new Taken(true), settings())) {
      probes.leave();
    }
    Pin pin = pins().of(NAME).orElseThrow();
    Files.move(pin.folder(), pin.folder().resolveSibling("unfinished"));
    Taken second = new Taken(true);
    try (Probes probes = start(second, settings())) {
      assertThat(second.adopted).isEmpty();
      assertThat(report(probes).state()).isInstanceOf(Attached.class);
      assertThat(report(probes).epoch()).isGreaterThan(pin.epoch());
    }
  }

  @Test
  void folderThatIsOnNoBpfFileSystemIsSaidToBe() {
    assertThat(new Pins(folder.resolve("pins"), state).trouble())
        .hasValueSatisfying(reason -> assertThat(reason).contains("mount -t bpf"));
    assertThat(pins().trouble()).isEmpty();
  }

  private Path pinFolder() {
    return mount.folder().resolve("pins");
  }

  private Pins pins() {
    return new Pins(pinFolder(), state);
  }

  private ProbeSettings settings() {
    return settings(Map.of());
  }

  private ProbeSettings settings(Map<String, Boolean> enabled) {
    return new ProbeSettings(
        List.of(folder),
        enabled,
        Set.of(),
        Map.of(NAME, Map.of("max_events_per_second", "0")),
        Channel.RINGBUF,
        OptionalInt.of(4096),
        Duration.ofSeconds(10),
        Optional.of(pins()));
  }

  private static Probes start(Taken sink, ProbeSettings settings) {
    Probes probes =
        new Probes(settings, "host", "boot", ClockOffset::measureNanos, CodeNames.NONE, sink);
    probes.startAll();
    return probes;
  }

  private static ProbeReport report(Probes probes) {
    return probes.report().getFirst();
  }

  private static void exec(int times) throws Exception {
    for (int i = 0; i < times; i++) {
      assertThat(new ProcessBuilder("true").start().waitFor()).isZero();
    }
  }

  /** What a sink was told. */
  private static final class Taken implements EventSink {
    final List<Receipt> receipts = new ArrayList<>();
    final List<String> adopted = new ArrayList<>();
    final List<ProbeReport> ended = new ArrayList<>();
    private final boolean settles;
    int events;

    Taken(boolean settles) {
      this.settles = settles;
    }

    @Override
    public void event(
        String probe,
        long epoch,
        long wallNanos,
        byte[] buffer,
        int offset,
        int length,
        Receipt receipt) {
      events++;
      receipts.add(receipt);
      if (settles) {
        receipt.settled();
      }
    }

    @Override
    public void adopted(String probe, long epoch, Schema schema, long before) {
      adopted.add(schema.getName() + " " + before);
    }

    @Override
    public void ended(ProbeReport last) {
      ended.add(last);
    }
  }
}
