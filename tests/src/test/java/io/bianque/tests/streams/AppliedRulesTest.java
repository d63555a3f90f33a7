package io.bianque.tests.streams;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.bianque.facts.RuleSet;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.tests.agent.Operator;
import io.bianque.tests.components.Component;
import io.bianque.tests.components.Components;
import io.bianque.tests.components.RealComponents;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.admin.Admin;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two instances of the stream tier, and operators who apply rules. What was applied decides before
 * what an instance is configured with, in other tests' instances too, so none of it stays.
 */
@RealComponents({Component.BROKER, Component.REGISTRY})
class AppliedRulesTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String ENRICHED = Topics.enriched(Fleet.PROBE);
  private static final String IGNORED = Topics.ignored(Fleet.PROBE);
  private static final Duration LIMIT = Duration.ofSeconds(60);

  /** The goal is 2 s, on a machine that has nothing else to do. */
  private static final Duration LIVE = Duration.ofSeconds(5);

  private static final int HOSTS = 16;

  private final Components components;
  private final Operator operator;
  private final Instant begin = Instant.now();
  @TempDir Path folder;
  private Fleet fleet;
  private Path configured;
  private StreamsProcess one;
  private StreamsProcess two;

  AppliedRulesTest(Components components) {
    this.components = components;
    this.operator = new Operator(components);
  }

  @BeforeEach
  void start() throws Exception {
    fleet = new Fleet(components, HOSTS);
    fleet.facts();
    fleet.symbols();
    configured = file("configured.yaml", rule("configured", "event.host_id == 'nobody'"));
    String application = "rules-" + UUID.randomUUID();
    one = instance(application, "one");
    two = instance(application, "two");
    one.start();
    two.start();
    awaitBoth();
  }

  @AfterEach
  void stop() throws Exception {
    one.close();
    two.close();
    loseRules();
    fleet.createTopics();
    fleet.close();
  }

  private void loseRules() throws Exception {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", components.bootstrapServers()))) {
      admin.deleteTopics(List.of(Topics.RULES)).all().get();
      await().atMost(LIMIT).until(() -> !admin.listTopics().names().get().contains(Topics.RULES));
    }
  }

  private StreamsProcess instance(String application, String name) throws IOException {
    return new StreamsProcess(
        components,
        application,
        folder.resolve(name),
        Map.of("BIANQUE_STREAMS_RULES", configured.toString()));
  }

  /** Both work, and each on some of the events. */
  private void awaitBoth() {
    one.awaitHealthy();
    two.awaitHealthy();
    await()
        .atMost(LIMIT)
        .until(() ->
            List.of(one, two).stream()
                .allMatch(each -> each.get("/health").contains(Topics.raw(Fleet.PROBE) + "-")));
  }

  @Test
  void whatIsAppliedDecidesInEveryInstance() throws Exception {
    String before = health(one).path("rules_version").asText();
    int events = round(0);
    assertThat(fleet.committed(ENRICHED)).hasSize(HOSTS).allMatch(by(before));
    Instant between = Instant.now();

    // What is applied decides, in both
    List<String> half = fleet.hosts.subList(0, HOSTS / 2);
    Path quiet = file("quiet.yaml", rule("quiet-half", "event.host_id in " + list(half)));
    JsonNode applied = applied("apply", quiet.toString(), "--note", "half of them are noise");
    int first = applied.path("version").asInt();
    events = round(events);
    String version = applied.path("rules_version").asText();
    assertThat(fleet.committed(IGNORED))
        .hasSize(HOSTS / 2)
        .allMatch(by(version))
        .allMatch(each -> half.contains(each.get("host_id").toString()));
    assertThat(fleet.committed(ENRICHED, by(version))).hasSize(HOSTS / 2);
    assertThat(one.get("/metrics")).contains("bianque_streams_ignored_total{rule=\"quiet-half\"}");
    assertThat(two.get("/metrics")).contains("bianque_streams_ignored_total{rule=\"quiet-half\"}");

    // Other rules, tried on that history
    Path others =
        file(
            "others.yaml",
            rule("one", "event.host_id == '" + fleet.hosts.getFirst() + "'")
                + rule("last", "event.host_id == '" + fleet.hosts.getLast() + "'")
                    .replace("rules:\n", ""));
    triedOnHistory(others, between);

    // A file that is wrong changes nothing
    Path wrong = file("wrong.yaml", rule("wrong", "event.host_idd == 'x'"));
    Operator.Answer refused = operator.run("rules", "apply", wrong.toString());
    assertThat(refused.exit()).isEqualTo(2);
    assertThat(refused.errors()).contains("wrong.yaml:4:").contains("did you mean 'host_id'?");
    assertThat(newest()).isEqualTo(first);

    // Back
    int second = applied("apply", others.toString()).path("version").asInt();
    assertThat(second).isEqualTo(first + 1);
    // Who works from an older version is told, though he is not late
    Operator.Answer late =
        operator.run("rules", "apply", quiet.toString(), "--replaces", Integer.toString(first));
    assertThat(late.exit()).isEqualTo(1);
    assertThat(newest()).isEqualTo(second);
    JsonNode diff = operator.run("rules", "diff").only();
    assertThat(diff.path("changes"))
        .extracting(each -> each.path("change").asText() + " " + each.path("rule").asText())
        .containsExactly("removed quiet-half", "added one", "added last");
    JsonNode back = applied("rollback");
    assertThat(back.path("version").asInt()).isEqualTo(second + 1);
    assertThat(back.path("replaces").asInt()).isEqualTo(second);
    assertThat(back.path("rules_version").asText()).isEqualTo(version);
    JsonNode newest = operator.run("rules", "list").lines().getFirst();
    assertThat(newest.path("restores").asInt()).isEqualTo(first);
    assertThat(operator.run("rules", "show", Integer.toString(first)).only().path("text").asText())
        .isEqualTo(Files.readString(quiet));

    // An instance that starts knows them before its first event
    one.stop();
    two.stop();
    fleet.drops();
    fleet.flush();
    one.start();
    one.awaitHealthy();
    assertThat(health(one).path("rule_set").asInt()).isEqualTo(second + 1);
    await().atMost(LIMIT).until(() -> decided() == 3 * HOSTS);
    assertThat(fleet.committed(ENRICHED, by(before))).hasSize(HOSTS);
    assertThat(fleet.committed(IGNORED, by(version))).hasSize(HOSTS);
    assertThat(events).isEqualTo(2 * HOSTS);
  }

  private void triedOnHistory(Path rules, Instant between) throws Exception {
    JsonNode all = tried(rules, "--from", begin.toString());
    assertThat(all.path("probes"))
        .singleElement()
        .hasToString(
            "{\"probe\":\"dropwatch\",\"events\":32,\"now_ignored\":3,\"now_pass\":7,\"still_ignored\":1,\"still_pass\":21}");
    assertThat(all.path("rules"))
        .extracting(each -> each.path("rule").asText())
        .containsExactly("one", "last");
    assertThat(all.path("rules"))
        .extracting(each ->
            List.of(
                each.path("holds").asInt(),
                each.path("takes_out").asInt(),
                each.path("passed_then").asInt(),
                each.path("examples").size()))
        .containsExactly(List.of(2, 2, 1, 1), List.of(2, 2, 2, 2));
    assertThat(all.path("rules_then"))
        .singleElement()
        .satisfies(each -> {
          assertThat(each.path("rule").asText()).isEqualTo("quiet-half");
          assertThat(each.path("took_out").asInt()).isEqualTo(8);
          assertThat(each.path("would_pass").asInt()).isEqualTo(7);
          assertThat(each.path("examples")).hasSize(3);
        });
    String example = all.at("/rules/0/examples/0").asText();
    assertThat(fleet.committed(ENRICHED, each -> each.get("event_id").toString().equals(example)))
        .singleElement()
        .satisfies(each -> assertThat(each.get("host_id")).hasToString(fleet.hosts.getFirst()));

    JsonNode before =
        tried(
            rules, "--from", begin.toString(), "--to", between.toString(), "--probe", "dropwatch");
    assertThat(before.path("events").asInt()).isEqualTo(HOSTS);
    assertThat(before.path("rules_then")).isEmpty();
    assertThat(tried(rules, "--from", Instant.now().toString()).path("events").asInt()).isZero();
  }

  private JsonNode tried(Path rules, String... range) throws Exception {
    List<String> arguments = new ArrayList<>(List.of("try", rules.toString()));
    arguments.addAll(List.of(range));
    return operator.run("rules", arguments.toArray(String[]::new)).only();
  }

  @Test
  void ofThoseWhoApplyAtOnceOneIsRefusedAndSaysSo() throws Exception {
    int base =
        applied("apply", file("base.yaml", rule("base", "false")).toString())
            .path("version")
            .asInt();
    List<Operator.Answer> answers = new ArrayList<>();
    try (ExecutorService operators = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Operator.Answer>> running = new ArrayList<>();
      for (String name : List.of("a", "b", "c")) {
        Path rules = file(name + ".yaml", rule("by-" + name, "event.comm == '" + name + "'"));
        running.add(
            operators.submit(() ->
                operator.run(
                    "rules", "apply", rules.toString(), "--replaces", Integer.toString(base))));
      }
      for (Future<Operator.Answer> each : running) {
        answers.add(each.get());
      }
    }

    assertThat(answers).extracting(Operator.Answer::exit).containsExactlyInAnyOrder(0, 1, 1);
    assertThat(answers)
        .filteredOn(each -> each.exit() == 1)
        .allSatisfy(each ->
            assertThat(each.errors())
                .contains("version " + (base + 1) + " was applied meanwhile by")
                .contains("this was to replace version " + base)
                .contains("rules diff"));
    assertThat(newest()).isEqualTo(base + 1);
    assertThat(operator.run("rules", "list").lines())
        .as("who lost left no version")
        .satisfies(all ->
            assertThat(all)
                .extracting(each -> each.path("version").asInt())
                .doesNotHaveDuplicates());
    Operator.Answer dry =
        operator.run("rules", "rollback", "--dry-run", "--replaces", Integer.toString(base + 1));
    assertThat(dry.only().path("applied").asBoolean()).isFalse();
    assertThat(newest()).isEqualTo(base + 1);
  }

  @Test
  void aSetThatAnInstanceCannotTakeIsRefusedThereAndTheOldOneStays() throws Exception {
    int good =
        applied("apply", file("good.yaml", rule("good", "event.pid == 0")).toString())
            .path("version")
            .asInt();
    fleet.rules(
        new RuleSet(
            good + 1,
            rule("newer", "event.field_of_a_newer_version == 1"),
            "0123456789ab",
            "newer.yaml",
            Instant.now(),
            "a newer version",
            null,
            null));

    for (StreamsProcess each : List.of(one, two)) {
      await()
          .atMost(LIMIT)
          .untilAsserted(() ->
              assertThat(health(each).path("problems").toString())
                  .contains(
                      "rule set %d is refused here, rule set %d stays".formatted(good + 1, good))
                  .contains("newer.yaml:4:"));
      assertThat(health(each).path("rule_set").asInt()).isEqualTo(good);
      assertThat(each.get("/metrics"))
          .contains("bianque_streams_rule_set " + good)
          .contains("bianque_streams_rule_set_newest " + (good + 1));
      assertThat(each.log()).contains("rule set %d is refused here".formatted(good + 1));
      assertThat(health(each).path("healthy").asBoolean()).isTrue();
    }

    applied("apply", file("fixed.yaml", rule("fixed", "event.pid == -1")).toString());
    assertThat(health(one).path("problems")).isEmpty();
  }

  @Test
  void aTopicThatWasLostIsReadAnew() throws Exception {
    applied("apply", file("lost.yaml", rule("lost", "event.pid == 0")).toString());
    loseRules();
    Operator.Answer none = operator.run("rules", "list");
    assertThat(none.exit()).isEqualTo(1);
    assertThat(none.errors()).contains("there is no topic bianque.rules");
    fleet.createTopics();

    for (StreamsProcess each : List.of(one, two)) {
      await().atMost(LIMIT).until(() -> health(each).path("rule_set").asInt() == 0);
      assertThat(health(each).path("healthy").asBoolean()).isTrue();
    }
    JsonNode first = applied("apply", file("new.yaml", rule("new", "event.pid == 0")).toString());
    assertThat(first.path("version").asInt()).isEqualTo(1);
  }

  /** Events of all hosts, until they have been decided. */
  private int round(int before) {
    fleet.drops();
    fleet.flush();
    await().atMost(LIMIT).until(() -> decided() == before + HOSTS);
    return before + HOSTS;
  }

  private int decided() {
    return fleet.committed(ENRICHED).size() + fleet.committed(IGNORED).size();
  }

  private static Predicate<GenericRecord> by(String rulesVersion) {
    return event -> event.get("rules_version").toString().equals(rulesVersion);
  }

  /** Runs a command that adds a version, and waits until both instances have it. */
  private JsonNode applied(String... arguments) throws Exception {
    Operator.Answer answer = operator.run("rules", arguments);
    assertThat(answer.exit()).as(answer.errors()).isZero();
    int version = answer.only().path("version").asInt();
    await()
        .atMost(LIVE)
        .pollInterval(Duration.ofMillis(50))
        .until(() ->
            health(one).path("rule_set").asInt() == version
                && health(two).path("rule_set").asInt() == version);
    JsonNode newest = operator.run("rules", "list").lines().getFirst();
    Instant at = Instant.parse(newest.path("applied_at").asText());
    Duration took =
        Stream.of(one, two)
            .map(each -> Duration.between(at, decidesSince(each, version)))
            .max(Duration::compareTo)
            .orElseThrow();
    System.out.printf(
        "version %d decides in both instances after %d ms%n", version, took.toMillis());
    assertThat(took).isLessThan(LIVE);
    return answer.only();
  }

  private static Instant decidesSince(StreamsProcess instance, int version) {
    return Pattern.compile("(\\S+) .*rule set " + version + " decides now")
        .matcher(instance.log())
        .results()
        .map(line -> Instant.parse(line.group(1)))
        .max(Instant::compareTo)
        .orElseThrow();
  }

  private JsonNode health(StreamsProcess instance) throws IOException {
    return JSON.readTree(instance.get("/health"));
  }

  private int newest() throws Exception {
    return operator.run("rules", "list").lines().getFirst().path("version").asInt();
  }

  private Path file(String name, String text) throws IOException {
    return Files.writeString(folder.resolve(name), text);
  }

  private static String rule(String name, String when) {
    return "rules:\n  - name: %s\n    probe: dropwatch\n    when: \"%s\"\n".formatted(name, when);
  }

  private static String list(List<String> hosts) {
    return "['" + String.join("', '", hosts) + "']";
  }
}
