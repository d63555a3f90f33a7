package io.bianque.agent.source;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * What there is to know of a source before it is opened.
 *
 * @param name of the probe, and of its schema
 * @param hook what it reads, as it is reported: {@code rtnetlink}
 * @param records the shapes of its records, one for each of its streams; a stream is named after
 *     its shape
 * @param tunables what may be set
 */
public record SourceKind(
    String name,
    String hook,
    List<Class<? extends Record>> records,
    List<Tunable> tunables,
    Opening opening) {

  /** All there are. */
  public static final List<SourceKind> ALL =
      List.of(ListenQueues.KIND, LinkWatch.KIND, DeviceCounters.KIND, Pressure.KIND);

  /** How a source is opened. */
  @FunctionalInterface
  interface Opening {
    Source open(Map<String, Long> tunables);
  }

  public SourceKind {
    records = List.copyOf(records);
    tunables = List.copyOf(tunables);
  }

  /** The source of that name. */
  public static Optional<SourceKind> of(String name) {
    return ALL.stream().filter(kind -> kind.name.equals(name)).findAny();
  }

  /**
   * Each tunable's value: the one that was asked for, else its default.
   *
   * @throws IllegalArgumentException for a name that there is not, or a value that does not fit,
   *     with what is allowed
   */
  public Map<String, Long> values(Map<String, String> asked) {
    Map<String, Tunable> known =
        tunables.stream().collect(Collectors.toMap(Tunable::name, each -> each));
    Map<String, Long> values = new TreeMap<>();
    tunables.forEach(each -> values.put(each.name(), each.byDefault()));
    List<String> problems = new ArrayList<>();
    asked.forEach((key, text) -> {
      Tunable tunable = known.get(key);
      if (tunable == null) {
        String names = known.isEmpty() ? "none" : String.join(", ", known.keySet());
        problems.add("no tunable " + key + "; it has " + names);
        return;
      }
      try {
        values.put(key, tunable.parse(text));
      } catch (NumberFormatException e) {
        problems.add(key + " = " + text + " does not fit; allowed is " + tunable.allowed());
      }
    });
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException(String.join("; ", problems));
    }
    return Map.copyOf(values);
  }

  /**
   * Opens the source; takes as long as it takes.
   *
   * @param values as {@link #values} gives them
   * @throws SourceAbsent when this kernel has nothing for it
   * @throws java.io.UncheckedIOException when a file cannot be read
   * @throws io.bianque.agent.libbpf.BpfException when a system call fails
   */
  public Source open(Map<String, Long> values) {
    return opening.open(values);
  }
}
