package io.bianque.tests.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.tests.components.Component;
import io.bianque.tests.components.Components;
import io.bianque.tests.components.RealComponents;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An agent that is started as root, with all that root may do. */
@AgentTest
@RealComponents({Component.BROKER, Component.REGISTRY})
class CapabilitiesTest {
  /**
   * Numbers in include/uapi/linux/capability.h of what docs/agent.md says it keeps: dac_override,
   * dac_read_search, net_broadcast, net_admin, ipc_lock, sys_ptrace, sys_admin, sys_resource,
   * syslog, perfmon, bpf.
   */
  private static final long KEPT =
      LongStream.of(1, 2, 11, 12, 14, 19, 21, 24, 34, 38, 39).map(bit -> 1L << bit).sum();

  private final Components components;
  @TempDir Path folder;

  CapabilitiesTest(Components components) {
    this.components = components;
  }

  @Test
  void noThreadOfItHasMoreThanItNeeds() throws Exception {
    try (AgentProcess agent = new AgentProcess(components, folder, Map.of())) {
      agent.start();
      Path tasks = Path.of("/proc", Long.toString(agent.pid()), "task");
      try (Stream<Path> threads = Files.list(tasks)) {
        for (Path thread : threads.toList()) {
          List<String> status = Files.readAllLines(thread.resolve("status"));
          String name = field(status, "Name:");
          for (String set : List.of("CapEff:", "CapPrm:", "CapInh:", "CapBnd:")) {
            long held = Long.parseUnsignedLong(field(status, set), 16);
            assertThat(Long.toHexString(held & ~KEPT)).as("%s of %s", set, name).isEqualTo("0");
          }
          assertThat(field(status, "NoNewPrivs:")).as(name).isEqualTo("1");
        }
      }
      // And with that it does its work.
      assertThat(agent.health().at("/probes/0/state").asText()).isEqualTo("attached");
    }
  }

  private static String field(List<String> status, String name) throws IOException {
    return status.stream()
        .filter(line -> line.startsWith(name))
        .findFirst()
        .orElseThrow(() -> new IOException("no " + name))
        .substring(name.length())
        .strip();
  }
}
