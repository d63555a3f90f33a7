package io.bianque.streams.enrich;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.facts.SymbolRequest;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.wire.AvroReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.apache.kafka.streams.test.TestRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which host is asked for which table of symbols. */
class SymbolRequestsTest {
  private static final String KERNEL = Scene.KERNEL_ID + "/vmlinux";
  private static final String MODULE = Scene.MODULE_ID + "/veth";

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

  @Test
  void hostOfTheEventIsAskedForWhatTheEventNeeds() {
    scene.facts();
    scene.drop();
    scene.drop();

    assertThat(asked()).containsExactly(KERNEL + " " + Scene.HOST, MODULE + " " + Scene.HOST);
  }

  @Test
  void nobodyIsAskedForWhatIsThere() {
    scene.facts();
    scene.kernelSymbols();
    scene.drop();

    assertThat(asked()).containsExactly(MODULE + " " + Scene.HOST);
  }

  @Test
  void requestIsWithdrawnWhenTheTableHasCome() {
    scene.facts();
    scene.drop();
    scene.kernelSymbols();
    scene.pass(Duration.ofSeconds(6));

    assertThat(asked())
        .containsExactly(KERNEL + " " + Scene.HOST, MODULE + " " + Scene.HOST, KERNEL + " null");
    assertThat(scene.metrics.waiting()).isEqualTo(1);
    scene.moduleSymbols();
    scene.pass(Duration.ofSeconds(6));
    assertThat(asked()).containsExactly(MODULE + " null");
    assertThat(scene.enriched()).hasSize(1);
  }

  @Test
  void anotherHostIsAskedWhenOneDoesNotAnswer() {
    scene.facts();
    scene.drop();
    assertThat(asked()).contains(KERNEL + " " + Scene.HOST);
    scene.pass(Duration.ofSeconds(20));
    event("second");
    assertThat(asked()).isEmpty();

    scene.pass(Duration.ofSeconds(15));
    scene.pass(Duration.ofSeconds(6));
    event("third");

    assertThat(asked()).contains(KERNEL + " third").doesNotContain(KERNEL + " " + Scene.HOST);
  }

  @Test
  void hostThatDoesNotAnswerIsAskedAgainLater() {
    scene.facts();
    scene.drop();
    var _ = asked();
    scene.pass(Duration.ofMinutes(1));
    scene.drop();
    assertThat(asked()).isEmpty();
    scene.pass(Duration.ofMinutes(5));
    scene.drop();

    assertThat(asked()).contains(KERNEL + " " + Scene.HOST);
  }

  @Test
  void candidateThatComesBeforeItsSchemaIsKnownIsNotLost() {
    scene.facts();
    scene.registry.hide(scene.registry.idOf(Topics.SYMBOL_CANDIDATES));
    scene.drop();
    assertThat(asked()).isEmpty();

    scene.registry.hide(0);
    scene.registry.retry();
    scene.pass(Duration.ofSeconds(1));

    assertThat(asked()).contains(KERNEL + " " + Scene.HOST);
  }

  @Test
  void tableThatCannotBeReadIsAskedForAgain() {
    scene.facts();
    scene.send(Topics.SYMBOLS, KERNEL + "/0", new byte[] {0, 0, 0, 0, 1, 77});
    scene.drop();

    assertThat(asked()).contains(KERNEL + " " + Scene.HOST);
  }

  @Test
  void tableWithAHoleIsAskedForAgain() {
    scene.facts();
    scene.chunk(Scene.KERNEL_ID, "vmlinux", 0, false, Map.of(0x1000L, "kfree_skb"));
    scene.drop();

    assertThat(asked()).contains(KERNEL + " " + Scene.HOST);
  }

  /** Each of the hosts has an event; all of a build's are of the same functions elsewhere. */
  @Test
  void fleetOfTenThousandHostsOnTwentyBuildsPublishesTwentyTables() {
    int hosts = 10_000;
    int builds = 20;
    Random random = new Random(7);
    Map<String, Integer> published = new HashMap<>();
    Set<String> hostsThatPublish = new HashSet<>();
    int answered = 0;
    for (int i = 0; i < hosts; i++) {
      String host = "host-" + i;
      String build = "build-" + random.nextInt(builds);
      long text = Scene.TEXT + ((long) random.nextInt(512) << 21);
      scene.facts(
          facts -> {
            facts.setKernelBuildId(build);
            facts.setTextAddress(text);
            facts.setInitTextAddress(null);
            facts.setModules(List.of());
          },
          host);
      scene.dropOf(
          host,
          event -> {
            event.put("location", text + 0x1010);
            event.put("kernel_stack", List.of(text + 0x1010, text + 0x2040));
          });
      if (i % 100 == 99) {
        // Some time later the agents that were asked have answered.
        for (TestRecord<byte[], byte[]> request : scene.records(Topics.SYMBOL_REQUESTS)) {
          if (request.value() != null) {
            SymbolRequest read = read(request.value());
            published.merge(read.getBuildId() + "/" + read.getObject(), 1, Integer::sum);
            hostsThatPublish.add(read.getHostId());
            scene.chunk(
                read.getBuildId(),
                read.getObject(),
                0,
                true,
                Map.of(0x1000L, "kfree_skb", 0x2000L, "tcp_v4_rcv"));
          }
        }
        scene.pass(Duration.ofSeconds(1));
        answered += scene.enriched().size();
      }
    }

    assertThat(published)
        .hasSize(builds)
        .allSatisfy((table, times) -> assertThat(times).isEqualTo(1));
    assertThat(hostsThatPublish).hasSizeLessThanOrEqualTo(builds);
    assertThat(answered).isEqualTo(hosts);
  }

  private void event(String host) {
    scene.facts(facts -> {}, host);
    scene.dropOf(host, event -> {});
  }

  /** {@code <table> <host>}, of the newest records. */
  private List<String> asked() {
    List<String> asked = new ArrayList<>();
    for (TestRecord<byte[], byte[]> request : scene.records(Topics.SYMBOL_REQUESTS)) {
      String table = new String(request.key(), StandardCharsets.UTF_8);
      String host = request.value() == null ? null : read(request.value()).getHostId();
      asked.add(table + " " + host);
    }
    return asked;
  }

  private SymbolRequest read(byte[] value) {
    return AvroReader.specific(scene.registry, SymbolRequest.class).read(value);
  }
}
