package io.bianque.agent;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.bianque.agent.probe.Doctor.Examination;
import io.bianque.agent.probe.Doctor.Finding;
import io.bianque.agent.probe.Doctor.ProbeFinding;
import io.bianque.agent.probe.Doctor.Severity;
import io.bianque.agent.probe.Doctor.VariantFinding;
import io.bianque.agent.probe.ProbeState.Refusal;
import io.bianque.agent.probe.Prospect;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** What a dry run and the doctor found, for people and for programs. */
final class Findings {
  private Findings() {}

  static String text(List<Prospect> prospects) {
    StringBuilder out = new StringBuilder();
    if (prospects.isEmpty()) {
      out.append("no probes in the probe folders\n");
    }
    for (Prospect each : prospects) {
      out.append(each.probe()).append('\n');
      out.append(
          each.refusal()
              .map(reason -> "  would not be started: " + reason)
              .orElse("  would be started"));
      out.append('\n');
      each.hooks()
          .forEach(variants ->
              out.append("  hook      ").append(String.join(", else ", variants)).append('\n'));
      each.tunables()
          .forEach((name, allowed) -> {
            String value = each.configured().get(name);
            out.append("  tunable   ").append(name).append(" (").append(allowed).append(')');
            out.append(value == null ? "" : " = " + value).append('\n');
          });
    }
    return out.toString();
  }

  static String text(Examination examination) {
    StringBuilder out = new StringBuilder();
    for (Finding each : examination.machine()) {
      out.append(word(each.severity()))
          .append(each.subject())
          .append(": ")
          .append(each.finding())
          .append('\n');
      remedy(out, each.remedy());
    }
    for (ProbeFinding probe : examination.probes()) {
      out.append('\n').append("probe ").append(probe.probe());
      out.append(probe.works() ? " works here\n" : " does not work here\n");
      probe.problem().ifPresent(problem -> out.append("  ").append(problem).append('\n'));
      for (VariantFinding variant : probe.variants()) {
        out.append(variant.holds() ? "  ok    " : "  no    ").append(variant.section());
        out.append(variant.optional() ? " (optional)" : "");
        variant.refusal().ifPresent(refusal -> out.append(": ").append(refusal.reason()));
        out.append('\n');
        remedy(out, variant.refusal().flatMap(Refusal::remedy));
      }
    }
    return out.toString();
  }

  private static String word(Severity severity) {
    return switch (severity) {
      case OK -> "ok    ";
      case NOTE -> "note  ";
      case FATAL -> "FATAL ";
    };
  }

  private static void remedy(StringBuilder out, Optional<String> remedy) {
    remedy.ifPresent(what -> out.append("        to do: ").append(what).append('\n'));
  }

  static String json(Examination examination) {
    Map<String, Object> root = new LinkedHashMap<>();
    root.put("works", works(examination));
    root.put(
        "machine",
        examination.machine().stream()
            .map(each -> {
              Map<String, Object> row = new LinkedHashMap<>();
              row.put("severity", each.severity().name().toLowerCase(Locale.ROOT));
              row.put("subject", each.subject());
              row.put("finding", each.finding());
              row.put("remedy", each.remedy().orElse(null));
              return row;
            })
            .toList());
    root.put("probes", examination.probes().stream().map(Findings::row).toList());
    try {
      return new ObjectMapper().writeValueAsString(root) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("maps of strings are always JSON", e);
    }
  }

  private static Map<String, Object> row(ProbeFinding probe) {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("probe", probe.probe());
    row.put("works", probe.works());
    row.put("problem", probe.problem().orElse(null));
    row.put(
        "variants",
        probe.variants().stream()
            .map(variant -> {
              Map<String, Object> each = new LinkedHashMap<>();
              each.put("hook", variant.section());
              each.put("optional", variant.optional());
              each.put("holds", variant.holds());
              each.put("reason", variant.refusal().map(Refusal::reason).orElse(null));
              each.put("remedy", variant.refusal().flatMap(Refusal::remedy).orElse(null));
              return each;
            })
            .toList());
    return row;
  }

  /** Whether every probe can run here. */
  static boolean works(Examination examination) {
    return examination.machine().stream().noneMatch(each -> each.severity() == Severity.FATAL)
        && examination.probes().stream().allMatch(ProbeFinding::works);
  }
}
