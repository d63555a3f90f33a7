package io.bianque.sinks.bench;

import io.bianque.sinks.event.EventReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.kafka.connect.sink.SinkRecord;

/**
 * {@code bench search}: documents a second of the search sink, from Avro bytes to the server's
 * confirmation, beside those of the bare bulk API with the same documents on the same server. Both
 * take turns, so that what else the machine does hits both; each turn writes to a data stream of
 * its own.
 */
public final class SearchBench {
  private static final double GOAL = 0.8;
  private static final int MAX_BYTES = 2 << 20;
  private static final int MAX_DOCUMENTS = 2_000;
  private static final int AT_ONCE = 2;

  private SearchBench() {}

  /**
   * Runs the benchmark.
   *
   * @param arguments {@code --search-url=URL [--documents=N] [--turns=N]}
   */
  public static void main(String[] arguments) throws Exception {
    Map<String, String> options = new HashMap<>(Map.of("documents", "20000", "turns", "5"));
    for (String argument : arguments) {
      String[] parts = argument.replaceFirst("^--", "").split("=", 2);
      if (parts.length != 2 || !List.of("search-url", "documents", "turns").contains(parts[0])) {
        System.err.println("Usage: SearchBench --search-url=URL [--documents=20000] [--turns=5]");
        System.exit(2);
      }
      options.put(parts[0], parts[1]);
    }
    URI server = URI.create(options.getOrDefault("search-url", "http://127.0.0.1:19100"));
    run(server, Integer.parseInt(options.get("documents")), Integer.parseInt(options.get("turns")));
  }

  private static void run(URI server, int documents, int turns) throws Exception {
    List<SinkRecord> records = BenchEvents.records(documents);
    double avroBytes =
        records.stream().mapToInt(record -> ((byte[]) record.value()).length).average().orElse(0);
    // Data streams cannot be deleted on every server, so each run has new ones.
    String prefix = "bench" + System.currentTimeMillis() + ".";
    List<Double> sinkRates = new ArrayList<>();
    List<Double> bareRates = new ArrayList<>();
    double documentBytes = 0;
    try (OneSchemaRegistry registry = new OneSchemaRegistry(BenchEvents.schema())) {
      // The first turn warms up both sides and the server, and does not count.
      for (int turn = 0; turn <= turns; turn++) {
        String namespace = prefix + turn;
        EventReader reader = new EventReader(id -> BenchEvents.schema(), namespace + ".bare");
        BareBulk bare =
            new BareBulk(
                server, records, reader, namespace + ".bare", MAX_BYTES, MAX_DOCUMENTS, AT_ONCE);
        documentBytes = (double) bare.bytes() / documents;
        Map<String, String> settings =
            Map.of(
                "registry.url", registry.url(),
                "search.url", server.toString(),
                "namespace", namespace + ".sink",
                "batch.bytes", Integer.toString(MAX_BYTES),
                "batch.documents", Integer.toString(MAX_DOCUMENTS),
                "max.in.flight", Integer.toString(AT_ONCE));
        double sinkRate;
        double bareRate;
        // Who comes first changes, for the server merges segments of the one while the other runs.
        if (turn % 2 == 0) {
          sinkRate = documents * 1e9 / SinkRun.run(records, settings);
          bareRate = documents * 1e9 / bare.run();
        } else {
          bareRate = documents * 1e9 / bare.run();
          sinkRate = documents * 1e9 / SinkRun.run(records, settings);
        }
        requireAll(server, namespace, documents);
        System.out.printf(
            Locale.ROOT,
            "turn %d%s: sink %,.0f documents/s, bare bulk API %,.0f documents/s%n",
            turn,
            turn == 0 ? " (warm-up)" : "",
            sinkRate,
            bareRate);
        if (turn > 0) {
          sinkRates.add(sinkRate);
          bareRates.add(bareRate);
        }
      }
    }
    double sink = median(sinkRates);
    double bare = median(bareRates);
    System.out.printf(
        Locale.ROOT,
        "An event is %.0f bytes of Avro and %.0f bytes of bulk request; %d documents a turn, %d requests at once.%n",
        avroBytes,
        documentBytes,
        documents,
        AT_ONCE);
    System.out.printf(
        Locale.ROOT,
        "{\"bench\":\"search\",\"ratio\":%.3f,\"goal\":%.1f,\"sink_documents_per_s\":%.0f,\"bare_documents_per_s\":%.0f,\"documents\":%d,\"turns\":%d,\"bytes_per_document\":%.0f}%n",
        sink / bare,
        GOAL,
        sink,
        bare,
        documents,
        turns,
        documentBytes);
  }

  /** A rate counts only if every document arrived. */
  private static void requireAll(URI server, String namespace, int documents) throws Exception {
    try (HttpClient http = HttpClient.newHttpClient()) {
      for (String side : List.of(".sink", ".bare")) {
        String stream = server + "/logs-bianque.dropwatch-" + namespace + side;
        http.send(
            HttpRequest.newBuilder(URI.create(stream + "/_refresh"))
                .POST(HttpRequest.BodyPublishers.noBody())
                .build(),
            HttpResponse.BodyHandlers.discarding());
        String answer =
            http.send(
                    HttpRequest.newBuilder(URI.create(stream + "/_count?filter_path=count"))
                        .build(),
                    HttpResponse.BodyHandlers.ofString())
                .body();
        if (!answer.equals("{\"count\":" + documents + "}")) {
          throw new IllegalStateException(
              stream + " has " + answer + " and not " + documents + " documents");
        }
      }
    }
  }

  private static double median(List<Double> rates) {
    double[] sorted = rates.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    return sorted.length == 0
        ? Double.NaN
        : Arrays.stream(sorted).skip((sorted.length - 1) / 2).findFirst().orElseThrow();
  }
}
