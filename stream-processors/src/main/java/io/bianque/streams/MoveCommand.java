package io.bianque.streams;

import io.bianque.streams.config.Settings;
import io.bianque.streams.move.Move;
import io.bianque.streams.move.Move.Application;
import io.bianque.streams.part.Part;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import org.apache.kafka.streams.TopologyDescription.Processor;
import org.apache.kafka.streams.TopologyDescription.Source;
import org.apache.kafka.streams.TopologyDescription.Subtopology;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Hands over what was done, when parts are to run otherwise than before. */
@Command(
    name = "move",
    mixinStandardHelpOptions = true,
    description = {
      "Hands the state and offsets of stopped applications over to others, when parts are to run",
      "together or apart that did not before (docs/streams.md). The old ones keep theirs."
    },
    footer = {
      "",
      "Examples:",
      "  bianque-streams move --from all --to enrich --to symbol-requests",
      "  bianque-streams move --from enrich --from symbol-requests --to all"
    })
final class MoveCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(names = "--config", paramLabel = "FILE", description = "As it is run with.")
  private Path config;

  @Option(
      names = "--from",
      paramLabel = "PART[,PART]",
      required = true,
      description = "Parts that ran together; once for each application.")
  private List<String> from;

  @Option(
      names = "--to",
      paramLabel = "PART[,PART]",
      required = true,
      description = "Parts that will run together; once for each application.")
  private List<String> to;

  @Override
  public Integer call() throws InterruptedException {
    List<Set<Part>> before = named(from);
    List<Set<Part>> after = named(to);
    if (!union(before).equals(union(after))) {
      throw wrong(
          "what moves is %s, and what arrives is %s"
              .formatted(Part.words(union(before)), Part.words(union(after))));
    }
    Optional<Path> file = Optional.ofNullable(config);
    List<Application> sources = applications(file, before);
    List<Application> targets = applications(file, after);
    for (Application source : sources) {
      if (targets.stream().anyMatch(target -> target.id().equals(source.id()))) {
        throw wrong(source.id() + " is on both sides");
      }
    }
    Settings settings = Settings.load(file, System.getenv());
    try (Move move = new Move(settings, spec.commandLine().getOut()::println)) {
      move.run(sources, targets);
    }
    return 0;
  }

  private CommandLine.ParameterException wrong(String message) {
    return new CommandLine.ParameterException(spec.commandLine(), message);
  }

  private static List<Set<Part>> named(List<String> texts) {
    return texts.stream().map(Part::named).toList();
  }

  private Set<Part> union(List<Set<Part>> applications) {
    Set<Part> all = new HashSet<>();
    for (Set<Part> parts : applications) {
      for (Part part : parts) {
        if (!all.add(part)) {
          throw wrong(part.word() + " is named twice");
        }
      }
    }
    return all;
  }

  private static List<Application> applications(Optional<Path> file, List<Set<Part>> each) {
    return each.stream().map(parts -> application(file, parts)).toList();
  }

  private static Application application(Optional<Path> file, Set<Part> parts) {
    String words = String.join(",", Part.words(parts));
    String id = Settings.load(file, System.getenv(), Optional.of(words)).applicationId();
    Set<String> stores = new HashSet<>();
    Set<String> topics = new HashSet<>();
    List<Pattern> patterns = new ArrayList<>();
    for (Subtopology each : BianqueStreams.TopologyCommand.described(parts).subtopologies()) {
      each.nodes()
          .forEach(node -> {
            switch (node) {
              case Source source when source.topicPattern() != null ->
                  patterns.add(source.topicPattern());
              case Source source -> topics.addAll(source.topicSet());
              case Processor processor -> stores.addAll(processor.stores());
              default -> {}
            }
          });
    }
    return new Application(
        id,
        stores,
        topic ->
            topics.contains(topic)
                || patterns.stream().anyMatch(pattern -> pattern.matcher(topic).matches()));
  }
}
