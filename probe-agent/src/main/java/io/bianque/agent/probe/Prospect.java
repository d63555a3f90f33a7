package io.bianque.agent.probe;

import io.bianque.agent.libbpf.BpfException;
import java.util.List;
import java.util.Map;
import java.util.Optional;

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
      ProbePlan plan = ProbePlan.read(files, configured);
      List<List<String>> hooks =
          plan.hooks().stream()
              .map(hook -> hook.variants().stream().map(Hook.Variant::section).toList())
              .toList();
      return new Prospect(
          name, skipped(plan, settings), hooks, plan.tunables().allowed(), configured);
    } catch (ProbeRejected | BpfException e) {
      return new Prospect(name, Optional.of(e.getMessage()), List.of(), Map.of(), configured);
    }
  }

  private static Optional<String> skipped(ProbePlan plan, ProbeSettings settings) {
    String name = plan.name();
    if (settings.blacklist().contains(name)) {
      return Optional.of("on the black list");
    }
    if (settings.enabled().getOrDefault(name, plan.enabled())) {
      return Optional.empty();
    }
    return Optional.of(plan.enabled() ? "disabled by configuration" : Probes.ON_REQUEST);
  }
}
