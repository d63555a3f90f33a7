package io.bianque.schemas.catalogue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CatalogueTest {
  private static final Map<String, String> SCHEMAS =
      Map.of(
          "raw/drop.avsc", record("drop"),
          "raw/wakeup.avsc", record("wakeup"),
          "facts/host.avsc", record("host"),
          "facts/broken.avsc", "{\"type\": \"record\"}");

  private static final String GOOD =
      """
      principals: [agent, streams]
      probes: [drop, wakeup]
      topics:
        - name: bianque.raw.{probe}
          purpose: Events.
          key: host id
          value: raw/{probe}.avsc
          partitions: 4
          cleanup: delete
          retention: 36h
          writers: [agent]
          readers: [streams]
        - name: bianque.hosts
          purpose: Facts.
          key: host id
          value: facts/host.avsc
          partitions: 1
          cleanup: compact
          compaction-lag: 7d
          writers: [agent]
          readers: [streams]
      """;

  @Test
  void expandsATopicForEachProbe() {
    Catalogue catalogue = parse(GOOD);

    assertThat(catalogue.probes()).containsExactly("drop", "wakeup");
    assertThat(catalogue.topics())
        .extracting(Topic::name)
        .containsExactly("bianque.raw.drop", "bianque.raw.wakeup", "bianque.hosts");
    assertThat(catalogue.topic("bianque.raw.wakeup").valueSchemaResource())
        .isEqualTo("raw/wakeup.avsc");
    assertThat(catalogue.schema(catalogue.topic("bianque.raw.wakeup")).getName())
        .isEqualTo("wakeup");
  }

  @Test
  void givesKafkasOwnConfigurationOfATopic() {
    Catalogue catalogue = parse(GOOD);

    assertThat(catalogue.topic("bianque.raw.drop").config())
        .containsEntry("cleanup.policy", "delete")
        .containsEntry("retention.ms", Long.toString(Duration.ofHours(36).toMillis()))
        .containsEntry("compression.type", "zstd")
        .containsEntry("message.timestamp.after.max.ms", Long.toString(Long.MAX_VALUE))
        .doesNotContainKey("min.compaction.lag.ms");
    assertThat(catalogue.topic("bianque.hosts").config())
        .containsEntry("cleanup.policy", "compact")
        .containsEntry("min.compaction.lag.ms", Long.toString(Duration.ofDays(7).toMillis()))
        .doesNotContainKey("retention.ms");
  }

  /** The line that is replaced, by what, the line that the refusal names, and its reason. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          1  | owners: [agent]                | 1  | unknown key 'owners' in the catalogue; allowed: [principals,
          2  | probes: [Drop]                 | 2  | probe 'Drop' must match
          4  | `  - key: host id`             | 6  | key 'key' is twice in a topic
          5  | `    porpoise: Events.`        | 5  | unknown key 'porpoise' in a topic; allowed: [cleanup, compaction-lag
          5  | `    purpose: ""`              | 5  | purpose must be a word or text
          7  | `    value: raw/nothing.avsc`  | 7  | there is no schema file avro/raw/nothing.avsc
          7  | `    value: facts/broken.avsc` | 7  | avro/facts/broken.avsc is no Avro schema
          8  | `    partitions: four`         | 8  | partitions is 'four'; allowed: 1 to 9999
          8  | `    partitions: 0`            | 8  | partitions is '0'; allowed: 1 to 9999
          9  | `    cleanup: never`           | 9  | cleanup is 'never'; allowed: delete, compact
          9  | `    cleanup: compact`         | 9  | cleanup delete needs a retention, cleanup compact has none
          10 | `    retention: a week`        | 10 | 'a week' is no duration
          10 | `    compaction-lag: 36h`      | 9  | cleanup delete needs a retention, cleanup compact has none
          11 | `    writers: [nobody]`        | 11 | unknown principal 'nobody' in writers; known: [agent, streams]
          11 | `    writers: []`              | 11 | writers is empty
          11 | `    writers: agent`           | 11 | writers must be a list
          12 | `    readers: [agent, agent]`  | 12 | 'agent' is twice in readers
          12 | `    `                         | 4  | key 'readers' is missing
          13 | `  - name: bianque.raw.drop`   | 13 | topic bianque.raw.drop is in line 4 already
          13 | `  - name: hosts`              | 13 | topic name 'hosts' must match
          16 | `    value: raw/{probe}.avsc`  | 16 | value has {probe}, but the topic's name has not
          """)
  void refusesABadCatalogueWithLineAndReason(int at, String bad, int reported, String reason) {
    List<String> lines = new ArrayList<>(GOOD.lines().toList());
    lines.set(at - 1, bad);

    assertThatThrownBy(() -> parse(String.join("\n", lines)))
        .isInstanceOf(InvalidCatalogue.class)
        .hasMessageStartingWith("test.yaml:" + reported + ": " + reason);
  }

  @Test
  void refusesWhatIsNotYaml() {
    assertThatThrownBy(() -> parse("topics: ["))
        .isInstanceOf(InvalidCatalogue.class)
        .hasMessageContaining("is not YAML");
    assertThatThrownBy(() -> parse(""))
        .isInstanceOf(InvalidCatalogue.class)
        .hasMessageContaining("is empty");
    assertThatThrownBy(() -> parse("- a"))
        .isInstanceOf(InvalidCatalogue.class)
        .hasMessageContaining("must be a mapping");
  }

  @Test
  void theCommittedCatalogueHasTheTopicsThatTheCodeNames() {
    Catalogue catalogue = Catalogue.load();

    for (String probe : catalogue.probes()) {
      assertThat(catalogue.topic(Topics.raw(probe)).valueSchemaResource())
          .isEqualTo("raw/" + probe + ".avsc");
      assertThat(catalogue.topic(Topics.enriched(probe)).cleanup()).isEqualTo(Cleanup.DELETE);
      assertThat(catalogue.schema(catalogue.topic(Topics.ignored(probe))))
          .isEqualTo(catalogue.schema(catalogue.topic(Topics.enriched(probe))));
    }
    for (String name :
        new String[] {
          Topics.HOSTS,
          Topics.CONTAINERS,
          Topics.SYMBOLS,
          Topics.SYMBOL_CANDIDATES,
          Topics.SYMBOL_REQUESTS,
          Topics.NAMES,
          Topics.COUNTERS,
          Topics.CONTROL,
          Topics.CONTROL_OUTCOMES,
          Topics.RULES,
          Topics.LEDGER,
          Topics.DEAD_LETTER
        }) {
      assertThat(catalogue.topic(name).subject()).isEqualTo(name + "-value");
    }
    assertThat(catalogue.topics()).hasSize(12 + 3 * catalogue.probes().size());
  }

  private static Catalogue parse(String yaml) {
    return Catalogue.parse("test.yaml", yaml, SCHEMAS::get);
  }

  private static String record(String name) {
    return "{\"type\": \"record\", \"name\": \"%s\", \"fields\": []}".formatted(name);
  }
}
