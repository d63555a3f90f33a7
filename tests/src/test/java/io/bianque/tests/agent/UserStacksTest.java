package io.bianque.tests.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bianque.agent.testing.Cgroup;
import io.bianque.agent.testing.JavaProgram;
import io.bianque.agent.testing.Program;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.tests.components.Component;
import io.bianque.tests.components.Components;
import io.bianque.tests.components.RealComponents;
import io.bianque.tests.streams.StreamsProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Predicate;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** From samples of programs that run here to the names of their functions. */
@AgentTest
@RealComponents({Component.BROKER, Component.REGISTRY})
class UserStacksTest {
  private static final Duration LIMIT = Duration.ofMinutes(3);

  private final Components components;
  @TempDir Path folder;

  UserStacksTest(Components components) {
    this.components = components;
  }

  /** Programs that run in a cgroup, and end before it does. */
  private record Programs(Cgroup cgroup, Path folder, List<Process> running)
      implements AutoCloseable {
    Process run(String name, String... flags) throws IOException {
      return run(Program.compile(Files.createDirectories(folder.resolve(name)), flags).toString());
    }

    Process run(String command) throws IOException {
      Process process =
          new ProcessBuilder("bash", "-c", cgroup.enter() + "exec nice " + command).start();
      running.add(process);
      return process;
    }

    @Override
    public void close() {
      running.forEach(each -> each.destroyForcibly().onExit().join());
    }
  }

  @Test
  void functionsOfProgramsHaveTheirNamesAndThoseOfStrippedOnesBuildIdAndOffset() throws Exception {
    try (Cgroup cgroup = new Cgroup("user-stacks", "cpu");
        Programs programs = new Programs(cgroup, folder, new ArrayList<>());
        AgentProcess agent = agent(cgroup);
        StreamsProcess streams = streams()) {
      agent.start();
      streams.start();
      Process whole = programs.run("whole", "-no-pie");
      Process exporting = programs.run("exporting", "-rdynamic", "-s");
      Process stripped = programs.run("stripped", "-s");
      Published published = new Published(components, agent.hostId());

      for (Process each : List.of(whole, exporting)) {
        GenericRecord event =
            sample(published, each, stack -> stack.getFirst().startsWith("leaf+0x"));
        assertThat(stack(event).subList(1, 3))
            .satisfiesExactly(
                frame -> assertThat(frame).matches("middle\\+0x[0-9a-f]+ \\[burn]"),
                frame -> assertThat(frame).matches("main\\+0x[0-9a-f]+ \\[burn]"));
        assertThat(stack(event).get(3)).endsWith(" [libc.so.6]");
      }
      GenericRecord nameless =
          sample(published, stripped, stack -> stack.getFirst().endsWith(" [burn]"));
      assertThat(stack(nameless).subList(0, 3))
          .allSatisfy(frame -> assertThat(frame).matches("[0-9a-f]{40}\\+0x[0-9a-f]+ \\[burn]"));
      String buildId = stack(nameless).getFirst().substring(0, 40);
      assertThat(nameless.get("missing").toString())
          .contains("symbols: no function of burn " + buildId + " is known at an offset");
      assertThat(new Published(components, buildId).records(Topics.SYMBOLS))
          .as("that it has none is said once")
          .hasSize(1);
    }
  }

  @Test
  void methodsThatAJvmHasCompiledHaveTheNamesOfItsPerfMap() throws Exception {
    try (Cgroup cgroup = new Cgroup("user-stacks-java", "cpu");
        Programs programs = new Programs(cgroup, folder, new ArrayList<>());
        AgentProcess agent = agent(cgroup);
        StreamsProcess streams = streams()) {
      Process java = programs.run(JavaProgram.command(JavaProgram.classes()));
      Path map = Path.of("/tmp/perf-" + java.pid() + ".map");
      try {
        JavaProgram.writeMap(map, java.pid());
        agent.start();
        streams.start();
        String leaf = JavaProgram.METHOD + "leaf() [jit]";

        GenericRecord event =
            sample(
                new Published(components, agent.hostId()),
                java,
                stack -> stack.getFirst().equals(leaf));

        assertThat(stack(event).subList(0, 2))
            .containsExactly(leaf, JavaProgram.METHOD + "middle() [jit]");
        assertThat(stack(event)).anyMatch(frame -> frame.endsWith(" [libjvm.so]"));
      } finally {
        Files.deleteIfExists(map);
      }
    }
  }

  private AgentProcess agent(Cgroup cgroup) throws IOException {
    Path perf = Files.createDirectories(folder.resolve("perf"));
    for (String file : List.of("perf.bpf.o", "perf.avsc")) {
      Files.copy(
          AgentProcess.LAUNCHER.resolveSibling("../probes").resolve(file), perf.resolve(file));
    }
    return new AgentProcess(
        components,
        folder,
        Map.of(
            "probe_folders",
            folder.resolve("probes") + "," + perf,
            "probes.perf.enabled",
            "true",
            "probes.perf.cgroup_id",
            Long.toString(cgroup.id())));
  }

  private StreamsProcess streams() throws IOException {
    return new StreamsProcess(
        components, "user-stacks-" + UUID.randomUUID(), folder.resolve("streams"), Map.of());
  }

  /** A sample of four frames at least, taken while the process was in leaf(). */
  private static GenericRecord sample(
      Published published, Process process, Predicate<List<String>> wanted) {
    List<GenericRecord> found = new ArrayList<>();
    await()
        .atMost(LIMIT)
        .pollInterval(Duration.ofSeconds(1))
        .until(() -> {
          published.records(Topics.enriched("perf")).stream()
              .map(published::value)
              .filter(event -> event.get("pid").equals((int) process.pid()))
              .filter(event -> stack(event).size() > 3 && wanted.test(stack(event)))
              .findFirst()
              .ifPresent(found::add);
          return !found.isEmpty();
        });
    return found.getFirst();
  }

  private static List<String> stack(GenericRecord event) {
    return ((List<?>) event.get("user_stack")).stream().map(Object::toString).toList();
  }
}
