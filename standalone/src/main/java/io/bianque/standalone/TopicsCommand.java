package io.bianque.standalone;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.Topic;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.standalone.live.StackState;
import io.bianque.standalone.part.Broker;
import io.bianque.standalone.stack.Layout;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.TopicPartition;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The catalogue beside what the broker has. */
@Command(
    name = "topics",
    description =
        "Lists the catalogue's topics: what each is for, and, when the stack runs, its partitions and how many records it holds.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  ./bianque topics",
      "  ./bianque topics --output json",
      "  ./bianque topics route network-team"
    },
    subcommands = TopicsCommand.RouteCommand.class,
    mixinStandardHelpOptions = true)
public final class TopicsCommand implements Callable<Integer> {

  private static final ObjectMapper JSON = new ObjectMapper();

  @Option(names = "--output", description = "${COMPLETION-CANDIDATES}. Default: text.")
  private Output output = Output.TEXT;

  @Spec private CommandSpec spec;

  /**
   * @param records between the first and the last offset, commit markers of transactions included
   */
  private record Live(int partitions, long records, long end) {}

  @Override
  public Integer call() throws IOException, InterruptedException {
    PrintWriter out = spec.commandLine().getOut();
    Catalogue catalogue = Catalogue.load();
    Optional<StackState> state = StackState.readRunning(Layout.of(Path.of(".")));
    Map<String, Live> live =
        state.isPresent() ? live(state.get().ports().bootstrapServers()) : Map.of();
    if (output == Output.JSON) {
      out.println(json(catalogue, live));
      return ExitCode.OK;
    }
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("TOPIC", "KEY", "PARTITIONS", "RECORDS", "KEPT", "WHAT IT HOLDS"));
    for (Topic topic : catalogue.topics()) {
      Live now = live.get(topic.name());
      rows.add(
          List.of(
              topic.name(),
              topic.key(),
              now == null
                  ? topic.partitions() + " (not there)"
                  : Integer.toString(now.partitions()),
              now == null ? "-" : Long.toString(now.records()),
              topic.retention().map(kept -> kept.toDays() + " days").orElse("newest per key"),
              topic.purpose()));
    }
    Text.table(rows).forEach(out::println);
    if (state.isEmpty()) {
      out.println("The stack is down: this is the catalogue alone.");
    }
    return ExitCode.OK;
  }

  private static String json(Catalogue catalogue, Map<String, Live> live) throws IOException {
    ArrayNode topics = JSON.createArrayNode();
    for (Topic topic : catalogue.topics()) {
      var node = topics.addObject();
      node.put("name", topic.name());
      node.put("purpose", topic.purpose());
      node.put("key", topic.key());
      node.put("schema", topic.valueSchemaResource());
      node.put("partitions", topic.partitions());
      node.put("retention_ms", topic.retention().map(kept -> kept.toMillis()).orElse(null));
      Live now = live.get(topic.name());
      node.put("exists", now != null);
      if (now != null) {
        node.put("live_partitions", now.partitions());
        node.put("records", now.records());
        node.put("end_offsets", now.end());
      }
    }
    return JSON.writeValueAsString(JSON.createObjectNode().set("topics", topics));
  }

  private static Map<String, Live> live(String bootstrapServers) throws InterruptedException {
    try (Admin admin = Broker.admin(bootstrapServers)) {
      Map<String, TopicDescription> described =
          admin.describeTopics(admin.listTopics().names().get()).allTopicNames().get();
      Map<TopicPartition, OffsetSpec> first = new HashMap<>();
      Map<TopicPartition, OffsetSpec> last = new HashMap<>();
      described.forEach((name, topic) ->
          topic
              .partitions()
              .forEach(partition -> {
                TopicPartition at = new TopicPartition(name, partition.partition());
                first.put(at, OffsetSpec.earliest());
                last.put(at, OffsetSpec.latest());
              }));
      var begins = admin.listOffsets(first).all().get();
      var ends = admin.listOffsets(last).all().get();
      Map<String, Live> live = new HashMap<>();
      ends.forEach((at, end) ->
          live.merge(
              at.topic(),
              new Live(1, end.offset() - begins.get(at).offset(), end.offset()),
              (a, b) ->
                  new Live(a.partitions() + 1, a.records() + b.records(), a.end() + b.end())));
      return live;
    } catch (ExecutionException failed) {
      throw new UserError(
          ExitCode.FAILED,
          "the broker at "
              + bootstrapServers
              + " cannot be asked: "
              + failed.getCause().getMessage());
    }
  }

  /** Makes the topic of a route, which the catalogue cannot know. */
  @Command(
      name = "route",
      description =
          "Makes the topic that rules with {route: NAME} copy events to, like those of enriched events.",
      footerHeading = "%nExamples:%n",
      footer = {
        "  ./bianque topics route network-team",
        "  ./bianque topics route network-team --bootstrap-servers broker:9092"
      },
      mixinStandardHelpOptions = true)
  static final class RouteCommand implements Callable<Integer> {
    @Parameters(paramLabel = "NAME", description = "The route, as rules name it.")
    private String route;

    @Option(
        names = "--bootstrap-servers",
        paramLabel = "HOST:PORT",
        description = "Brokers of another pipeline than the one that runs here.")
    private Optional<String> bootstrapServers = Optional.empty();

    @Spec private CommandSpec spec;

    @Override
    public Integer call() throws IOException, InterruptedException {
      Catalogue catalogue = Catalogue.load();
      Topic like = catalogue.topic(Topics.enriched(catalogue.probes().getFirst()));
      String servers = bootstrapServers.isPresent() ? bootstrapServers.get() : here();
      try (Admin admin = Broker.admin(servers)) {
        admin
            .createTopics(
                List.of(
                    new NewTopic(
                            Topics.routed(route), Optional.of(like.partitions()), Optional.empty())
                        .configs(like.config())))
            .all()
            .get();
      } catch (ExecutionException failed) {
        throw new UserError(
            ExitCode.FAILED,
            Topics.routed(route) + " cannot be made: " + failed.getCause().getMessage());
      }
      spec.commandLine().getOut().println("made " + Topics.routed(route));
      return ExitCode.OK;
    }

    private static String here() throws IOException {
      return StackState.readRunning(Layout.of(Path.of(".")))
          .orElseThrow(() ->
              new UserError(
                  ExitCode.NOT_RUNNING,
                  "the stack is down; ./bianque up starts it, or name another's --bootstrap-servers"))
          .ports()
          .bootstrapServers();
    }
  }
}
