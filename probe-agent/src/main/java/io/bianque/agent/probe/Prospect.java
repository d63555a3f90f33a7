package io.bianque.agent.probe;

import io.bianque.agent.libbpf.BpfException;
import io.bianque.agent.source.SourceKind;
import io.bianque.agent.source.Tunable;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * What would become of a probe if it were started, as far as its files and the configuration tell;
 * the kernel is not asked.
 *
 * @param refusal why it would not be started
 * @param hooks of each hook its variants, in the order in which they would be tried
 * @param tunables each with the values it takes
 * @param configured the tunables that are set
 */
public record Prospect(
    String probe,
    Optional<String> refusal,
    List<List<String>> hooks,
    Map<String, String> tunables,
    Map<String, String> configured) {

  /** Of every probe in the settings' folders. */
  public static List<Prospect> of(ProbeSettings settings) {
    return ProbeFiles.in(settings.folders()).stream().map(files -> of(files, settings)).toList();
  }

  /** Whether its files are at fault, not the configuration. */
  public boolean isBroken() {
    return hooks.isEmpty();
  }

  private static Prospect of(ProbeFiles files, ProbeSettings settings) {
    String name = files.name();
    Map<String, String> configured = settings.tunables().getOrDefault(name, Map.of());
    try {
      if (files.object().isEmpty()) {
        return of(SourcePlan.read(files, configured).kind(), configured, settings);
      }
      ProbePlan plan = ProbePlan.read(files, configured);
      List<List<String>> hooks =
          plan.hooks().stream()
              .map(hook -> hook.variants().stream().map(Hook.Variant::section).toList())
              .toList();
      return new Prospect(
          name,
          skipped(name, plan.enabled(), settings),
          hooks,
          plan.tunables().allowed(),
          configured);
    } catch (ProbeRejected | BpfException e) {
      return new Prospect(name, Optional.of(e.getMessage()), List.of(), Map.of(), configured);
    }
  }

  private static Prospect of(
      SourceKind source, Map<String, String> configured, ProbeSettings settings) {
    Map<String, String> tunables =
        source.tunables().stream().collect(Collectors.toMap(Tunable::name, Tunable::allowed));
    return new Prospect(
        source.name(),
        skipped(source.name(), true, settings),
        List.of(List.of(source.hook())),
        new TreeMap<>(tunables),
        configured);
  }

  /**
   * @param byItself whether it starts where nothing is said
   */
  private static Optional<String> skipped(String name, boolean byItself, ProbeSettings settings) {
    if (settings.blacklist().contains(name)) {
      return Optional.of("on the black list");
    }
    if (settings.enabled().getOrDefault(name, byItself)) {
      return Optional.empty();
    }
    return Optional.of(byItself ? "disabled by configuration" : Probes.ON_REQUEST);
  }
}
