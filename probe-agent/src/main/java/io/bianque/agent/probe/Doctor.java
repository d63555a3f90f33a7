package io.bianque.agent.probe;

import io.bianque.agent.btf.Btf;
import io.bianque.agent.libbpf.BpfException;
import io.bianque.agent.libbpf.LibbpfMissing;
import io.bianque.agent.libbpf.LibbpfVersion;
import io.bianque.agent.libbpf.RingBuffer;
import io.bianque.agent.probe.ProbeState.Refusal;
import io.bianque.agent.source.SourceAbsent;
import io.bianque.agent.source.SourceKind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What works on this machine and what does not, found by trying: every variant of every probe is
 * loaded, attached for a moment and taken away again.
 */
public final class Doctor {
  private static final Path TRACEFS = Path.of("/sys/kernel/tracing/events");
  private static final Path LOCKDOWN = Path.of("/sys/kernel/security/lockdown");
  private static final Path KPTR_RESTRICT = Path.of("/proc/sys/kernel/kptr_restrict");
  private static final Path STATS = Path.of("/proc/sys/kernel/bpf_stats_enabled");

  private Doctor() {}

  /** How bad a finding is. */
  public enum Severity {
    OK,
    /** Something is worse for it, nothing fails. */
    NOTE,
    /** No probe can run. */
    FATAL
  }

  /**
   * Something about the machine.
   *
   * @param subject what was looked at: {@code kernel BTF}
   * @param finding how it is
   * @param remedy what to do, where something can be done
   */
  public record Finding(
      Severity severity, String subject, String finding, Optional<String> remedy) {}

  /**
   * A probe.
   *
   * @param problem what is wrong with its files or its configuration; then no variant was tried
   * @param variants every variant of every hook in the order in which the agent tries them
   */
  public record ProbeFinding(
      String probe, Optional<String> problem, List<VariantFinding> variants) {

    /**
     * Whether it would be attached: each hook that it needs has a variant, or any if it needs none.
     */
    public boolean works() {
      Map<String, Boolean> needed =
          variants.stream()
              .filter(variant -> !variant.optional())
              .collect(
                  Collectors.toMap(
                      VariantFinding::hook, VariantFinding::holds, Boolean::logicalOr));
      return problem.isEmpty()
          && !needed.containsValue(false)
          && variants.stream().anyMatch(VariantFinding::holds);
    }
  }

  /**
   * A variant of a hook.
   *
   * @param hook name of the hook, the same for all its variants
   * @param optional whether the probe can do without that hook
   * @param section what the variant attaches to: {@code tp_btf/kfree_skb}
   * @param refusal why the kernel does not take it; empty when it holds
   */
  public record VariantFinding(
      String hook, boolean optional, String section, Optional<Refusal> refusal) {
    public boolean holds() {
      return refusal.isEmpty();
    }
  }

  /** What was found. */
  public record Examination(List<Finding> machine, List<ProbeFinding> probes) {}

  /** Examines this machine and the probes in the settings' folders; takes some 20 ms a variant. */
  public static Examination examine(ProbeSettings settings) {
    List<Finding> machine = machine();
    if (machine.stream().anyMatch(f -> f.severity() == Severity.FATAL)) {
      return new Examination(machine, List.of());
    }
    List<ProbeFinding> probes =
        ProbeFiles.in(settings.folders()).stream().map(files -> probe(files, settings)).toList();
    return new Examination(machine, probes);
  }

  private static ProbeFinding probe(ProbeFiles files, ProbeSettings settings) {
    Map<String, String> tunables = settings.tunables().getOrDefault(files.name(), Map.of());
    try {
      if (files.object().isEmpty()) {
        return source(SourcePlan.read(files, tunables));
      }
      ProbePlan plan = ProbePlan.read(files, tunables);
      List<VariantFinding> variants =
          new Loader(plan, settings)
              .tryEach().stream()
                  .map(each ->
                      new VariantFinding(
                          each.hook().name(),
                          each.hook().optional(),
                          each.variant().section(),
                          each.refusal()))
                  .toList();
      return new ProbeFinding(files.name(), Optional.empty(), variants);
    } catch (ProbeRejected | BpfException e) {
      return new ProbeFinding(files.name(), Optional.of(e.getMessage()), List.of());
    }
  }

  private static ProbeFinding source(SourcePlan plan) {
    SourceKind kind = plan.kind();
    Optional<String> refusal = Optional.empty();
    try {
      kind.open(plan.tunables()).close();
    } catch (SourceAbsent | BpfException | UncheckedIOException e) {
      refusal = Optional.of(e.getMessage());
    }
    VariantFinding opened =
        new VariantFinding(
            kind.name(),
            false,
            kind.hook(),
            refusal.map(reason -> new Refusal(kind.hook(), reason, Optional.empty())));
    return new ProbeFinding(kind.name(), Optional.empty(), List.of(opened));
  }

  private static List<Finding> machine() {
    List<Finding> findings = new ArrayList<>();
    findings.add(capabilities());
    findings.add(kernelTypes());
    findings.add(library());
    if (findings.stream().noneMatch(f -> f.severity() == Severity.FATAL)) {
      findings.add(ringBuffer());
    }
    findings.add(tracefs());
    findings.add(kernelAddresses());
    findings.add(lockdown());
    findings.add(statistics());
    return findings;
  }

  private static Finding capabilities() {
    Set<Capability> held = Capability.ofThisProcess();
    String names = held.stream().map(c -> "CAP_" + c).collect(Collectors.joining(", "));
    String found = held.isEmpty() ? "none of those that count here" : names;
    boolean enough =
        held.contains(Capability.SYS_ADMIN)
            || (held.contains(Capability.BPF) && held.contains(Capability.PERFMON));
    return new Finding(
        enough ? Severity.OK : Severity.FATAL,
        "capabilities",
        found,
        enough ? Optional.empty() : Optional.of("grant CAP_BPF and CAP_PERFMON, or run as root"));
  }

  private static Finding kernelTypes() {
    return Files.isReadable(Btf.KERNEL)
        ? ok("kernel BTF", Btf.KERNEL.toString())
        : new Finding(
            Severity.FATAL,
            "kernel BTF",
            Btf.KERNEL + " is not there",
            Optional.of("boot a kernel with CONFIG_DEBUG_INFO_BTF=y"));
  }

  private static Finding library() {
    try {
      return ok("libbpf", LibbpfVersion.text());
    } catch (LibbpfMissing e) {
      return new Finding(
          Severity.FATAL, "libbpf", e.getMessage(), Optional.of("apt-get install libbpf1"));
    }
  }

  private static Finding ringBuffer() {
    return RingBuffer.isSupported()
        ? ok("ring buffer", "supported")
        : new Finding(
            Severity.NOTE,
            "ring buffer",
            "not supported, events come by perf event arrays",
            Optional.of("a kernel since 5.8 has it"));
  }

  private static Finding tracefs() {
    return Files.isDirectory(TRACEFS)
        ? ok("tracefs", "mounted")
        : new Finding(
            Severity.NOTE,
            "tracefs",
            "not mounted: classic tracepoints cannot be used",
            Optional.of("mount -t tracefs tracefs /sys/kernel/tracing"));
  }

  private static Finding kernelAddresses() {
    Set<Capability> held = Capability.ofThisProcess();
    String restrict = text(KPTR_RESTRICT).orElse("unknown");
    if (restrict.equals("2")) {
      return new Finding(
          Severity.NOTE,
          "kernel addresses",
          "hidden from everybody (kernel.kptr_restrict=2): stacks stay without names",
          Optional.of("sysctl kernel.kptr_restrict=1"));
    }
    return held.contains(Capability.SYSLOG)
        ? ok("kernel addresses", "can be read")
        : new Finding(
            Severity.NOTE,
            "kernel addresses",
            "hidden from this process: stacks stay without names",
            Optional.of("grant CAP_SYSLOG"));
  }

  /** Upstream, lockdown=confidentiality forbids reading kernel memory, and with it every probe. */
  private static Finding lockdown() {
    String modes = text(LOCKDOWN).orElse("not known: " + LOCKDOWN + " cannot be read");
    return modes.contains("[confidentiality]")
        ? new Finding(
            Severity.NOTE,
            "lockdown",
            "confidentiality: programs must not read kernel memory",
            Optional.of("boot with lockdown=integrity or without lockdown"))
        : ok("lockdown", modes);
  }

  private static Finding statistics() {
    return text(STATS).orElse("0").equals("1")
        ? ok("program statistics", "counted")
        : new Finding(
            Severity.NOTE,
            "program statistics",
            "not counted: the probes' own cost is not known",
            Optional.of("sysctl kernel.bpf_stats_enabled=1 (some 20 ns a run)"));
  }

  private static Finding ok(String subject, String finding) {
    return new Finding(Severity.OK, subject, finding, Optional.empty());
  }

  private static Optional<String> text(Path file) {
    try {
      return Optional.of(Files.readString(file).strip());
    } catch (IOException notReadable) {
      return Optional.empty();
    }
  }
}
