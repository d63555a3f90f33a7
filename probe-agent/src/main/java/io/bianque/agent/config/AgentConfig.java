package io.bianque.agent.config;

import io.bianque.agent.probe.ProbeSettings.Channel;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;

/**
 * All that an operator may set. docs/agent.md is the reference; {@link ConfigReader} has the keys
 * and the defaults.
 *
 * @param probeFolders where {@code x.bpf.o} and {@code x.avsc} are looked for; a later folder's
 *     probe replaces an earlier one's of the same name
 * @param ownProbes a folder whose probes may come, change and go while the agent runs; empty: none
 *     may
 * @param probes by name; a probe that is not in it has its own defaults
 * @param blacklist probes that are never loaded, whatever else is said
 * @param labels words by which control requests may select this host
 * @param stateDir what must survive a restart: host id, schema ids, counters, and the spool unless
 *     it is elsewhere
 * @param pinFolder on the BPF file system, where probes stay at work while no agent runs; empty:
 *     they end with the agent
 * @param perfMapBytes of memory for names of code that processes make; empty: their maps are not
 *     read
 */
public record AgentConfig(
    Kafka kafka,
    URI registry,
    List<Path> probeFolders,
    Optional<Path> ownProbes,
    Map<String, Probe> probes,
    Set<String> blacklist,
    Events events,
    Path stateDir,
    Optional<Path> pinFolder,
    Spool spool,
    Guard guard,
    OptionalLong perfMapBytes,
    Http http,
    Intervals intervals,
    Control control,
    Map<String, String> labels) {

  public AgentConfig {
    labels = Map.copyOf(labels);
    probeFolders = List.copyOf(probeFolders);
    probes = Map.copyOf(probes);
    blacklist = Set.copyOf(blacklist);
  }

  /** Settings of one probe, its own defaults where nothing was said. */
  public Probe probe(String name) {
    return probes.getOrDefault(name, Probe.DEFAULT);
  }

  /**
   * How to reach the brokers.
   *
   * @param properties passed on to the producer as they are; only those that cannot break the
   *     agent's promises
   * @param inFlightBytes how much may be with the producer and not yet acknowledged before events
   *     go to the spool
   */
  public record Kafka(
      List<String> bootstrapServers, Map<String, String> properties, long inFlightBytes) {
    public Kafka {
      bootstrapServers = List.copyOf(bootstrapServers);
      properties = Map.copyOf(properties);
    }
  }

  /**
   * What is said about one probe.
   *
   * @param enabled whether it starts with the agent; empty: as the probe itself says
   * @param tunables values of the probe's {@code const volatile} globals, as written, with the
   *     place they were written at
   */
  public record Probe(Optional<Boolean> enabled, Map<String, Tunable> tunables) {
    static final Probe DEFAULT = new Probe(Optional.empty(), Map.of());

    public Probe {
      tunables = Map.copyOf(tunables);
    }
  }

  /**
   * A value for a probe's tunable.
   *
   * @param text as written: a number or {@code true} or {@code false}; the probe's BTF says what
   *     fits
   * @param where file and line, for a message about it
   */
  public record Tunable(String text, String where) {}

  /**
   * How events come out of the kernel.
   *
   * @param channelBytes room for events that wait to be read; empty: as many CPUs need
   * @param busyInterval between two looks at the event channel under load
   * @param idleInterval the same when nothing happens: the price of being at rest is one wake-up
   *     each
   */
  public record Events(
      Channel channel, OptionalInt channelBytes, Duration busyInterval, Duration idleInterval) {
    public Events {
      if (idleInterval.compareTo(busyInterval) < 0) {
        throw new IllegalArgumentException(
            "events.idle_interval %s is shorter than events.busy_interval %s"
                .formatted(Values.text(idleInterval), Values.text(busyInterval)));
      }
    }
  }

  /** Where events wait for a broker that is away. */
  public record Spool(Path dir, long maxBytes, long segmentBytes) {
    public Spool {
      if (segmentBytes * 2 > maxBytes) {
        throw new IllegalArgumentException(
            "spool.max_bytes %d is less than two segments of spool.segment_bytes %d: the oldest segment is what is given up when it is full"
                .formatted(maxBytes, segmentBytes));
      }
    }
  }

  /**
   * What the agent and its probes may cost.
   *
   * @param cpuPercent of one CPU: the agent's own time
   * @param probesPercent of the machine: the kernel's time in the probes
   * @param memoryBytes resident
   * @param pause how long the dearest probe is detached when they are over it
   */
  public record Guard(double cpuPercent, double probesPercent, long memoryBytes, Duration pause) {}

  /**
   * The agent's own metrics and health.
   *
   * @param port on the loopback address; empty for none
   */
  public record Http(Optional<Integer> port) {}

  /**
   * When things are due.
   *
   * @param counters between two publications of the probes' counters
   * @param facts between two publications of the host's facts, when nothing changes
   * @param containers between two looks at the cgroups
   * @param probeRetry until a probe that failed is tried again
   * @param stop how long a stop waits for the broker before the rest is left in the spool
   */
  public record Intervals(
      Duration counters,
      Duration snapshots,
      Duration facts,
      Duration containers,
      Duration probeRetry,
      Duration stop) {}

  /**
   * What requests that come through the control topic may do here.
   *
   * @param enabled whether the topic is followed at all
   * @param probes that may be controlled; empty for all
   * @param tunables that may be set, as {@code <tunable>} of every probe or {@code
   *     <probe>.<tunable>} of one, with what they may be set to; no others
   * @param longest that a request may hold
   */
  public record Control(
      boolean enabled,
      Optional<Set<String>> probes,
      Map<String, Range> tunables,
      Duration longest) {
    public Control {
      probes = probes.map(Set::copyOf);
      tunables = Map.copyOf(tunables);
    }

    /** Values from the least to the most. */
    public record Range(long least, long most) {
      public Range {
        if (least > most) {
          throw new IllegalArgumentException("%d is more than %d".formatted(least, most));
        }
      }

      public boolean contains(long value) {
        return least <= value && value <= most;
      }
    }
  }
}
