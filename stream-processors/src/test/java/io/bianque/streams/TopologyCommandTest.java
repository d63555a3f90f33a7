package io.bianque.streams;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.streams.part.Part;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.kafka.streams.TopologyDescription;
import org.apache.kafka.streams.TopologyDescription.Processor;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class TopologyCommandTest {
  private static final List<String> OF_ENRICH =
      List.of("containers", "facts", "ledger", "names", "waiting", "windows");

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... arguments) {
    CommandLine line = BianqueStreams.commandLine();
    line.setOut(new PrintWriter(out, true));
    line.setErr(new PrintWriter(err, true));
    return line.execute(arguments);
  }

  /** Stores by the number of the part whose tasks keep them, which their state belongs to. */
  private static Map<Integer, List<String>> stores(Set<Part> parts) {
    TopologyDescription described = BianqueStreams.TopologyCommand.described(parts);
    Map<Integer, List<String>> stores = new TreeMap<>();
    described
        .subtopologies()
        .forEach(each ->
            stores.put(
                each.id(),
                each.nodes().stream()
                    .filter(Processor.class::isInstance)
                    .flatMap(node -> ((Processor) node).stores().stream())
                    .sorted()
                    .toList()));
    return stores;
  }

  private static Set<String> globalSources(Set<Part> parts) {
    return BianqueStreams.TopologyCommand.described(parts).globalStores().stream()
        .map(store -> store.source().name())
        .collect(Collectors.toCollection(TreeSet::new));
  }

  @Test
  void allPartsKeepTheNumbersAndStoresThatTheirStateBelongsTo() {
    Set<Part> all = EnumSet.allOf(Part.class);
    assertThat(stores(all)).isEqualTo(Map.of(0, OF_ENRICH, 2, List.of("symbol-requests")));
    assertThat(globalSources(all)).containsExactly("symbols-source");
  }

  @Test
  void aPartAloneHasWhatItNeedsAndNothingElse() {
    assertThat(stores(Set.of(Part.ENRICH))).isEqualTo(Map.of(0, OF_ENRICH));
    assertThat(stores(Set.of(Part.SYMBOL_REQUESTS)).values())
        .containsExactly(List.of("symbol-requests"));
    for (Part part : Part.values()) {
      assertThat(globalSources(Set.of(part))).containsExactly("symbols-source");
    }
  }

  @Test
  void drawsOnlyThePartThatIsNamed() {
    assertThat(run("topology", "--topology", "symbol-requests", "--mermaid")).isZero();
    assertThat(out.toString()).contains("bianque.symbol-candidates").doesNotContain("bianque.raw");
  }

  @Test
  void refusesAPartThatIsNotThere() {
    assertThat(run("topology", "--topology", "enrich,symbol-request")).isEqualTo(2);
    assertThat(err)
        .hasToString(
            "there is no part 'symbol-request' (did you mean 'symbol-requests'?);"
                + " there are: enrich, symbol-requests; or all\n");
    assertThat(run("--topology", "")).isEqualTo(2);
    assertThat(err.toString()).contains("--topology: topology: no part is named");
  }
}
