package io.bianque.agent.probe;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.agent.encode.AgentFields;
import io.bianque.agent.source.Source;
import io.bianque.agent.source.SourceKind;
import io.bianque.agent.source.TcpListen;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** A source whose files cannot be read, or are many: what no machine does on demand. */
class RunningSourceTest {
  private static final Path SCHEMAS = Path.of("../schemas/src/main/avro/raw");
  private static final TcpListen RECORD = new TcpListen(1, 2, "x", 3, 4, 5, 6);

  private final List<Long> taken = new ArrayList<>();

  @Test
  void lookThatFailsIsCountedAndTheNextOneIsTaken() {
    RunningSource running =
        running(
            new Source() {
              private int looks;

              @Override
              public boolean poll(Consumer<Record> out) {
                if (looks++ < 2) {
                  throw new UncheckedIOException(new IOException("/proc cannot be listed"));
                }
                out.accept(RECORD);
                return true;
              }
            });

    running.poll();
    running.poll();
    assertThat(report(running).missed()).isEqualTo(2);
    assertThat(taken).isEmpty();
    running.poll();

    assertThat(taken).hasSize(1);
    assertThat(report(running).missed()).isEqualTo(2);
    assertThat(report(running).kernel()).isEqualTo(new KernelCounters(1, 0, 0, 1));
  }

  @Test
  void lookInPartsGoesOnTurnByTurnAndEndsAtTheStop() {
    RunningSource running =
        running(
            new Source() {
              private int parts;

              @Override
              public boolean poll(Consumer<Record> out) {
                out.accept(RECORD);
                return ++parts % 4 == 0;
              }
            });

    assertThat(running.drain(100)).isZero();
    assertThat(taken).as("not before the interval").isEmpty();
    running.poll();
    assertThat(taken).hasSize(1);
    for (int i = 0; i < 10; i++) {
      int _ = running.drain(100);
    }
    assertThat(taken).as("no further than its end").hasSize(4);

    assertThat(running.stop().getFirst().read()).isEqualTo(8);
    assertThat(taken).hasSize(8);
  }

  private static ProbeReport report(RunningSource running) {
    return running.reports().getFirst();
  }

  private RunningSource running(Source source) {
    SourcePlan plan =
        SourcePlan.read(
            ProbeFiles.of(SourceKind.of("tcp_listen").orElseThrow(), SCHEMAS), Map.of());
    return new RunningSource(
        plan,
        4711,
        source,
        new AgentFields("host", "boot", 4711, 0),
        (_, epoch, _, _, _, _, _) -> taken.add(epoch));
  }
}
