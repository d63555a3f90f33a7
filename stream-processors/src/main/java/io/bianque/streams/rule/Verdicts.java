package io.bianque.streams.rule;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.bianque.schemas.catalogue.Topics;
import java.util.ArrayList;
import java.util.List;

/**
 * Verdicts on one event, as people and programs read them.
 *
 * @param each of every rule of its probe, in the file's order, also behind one that takes it out
 * @param eventId by which it is in a sample or not
 */
public record Verdicts(List<Verdict> each, String eventId) {
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  public Verdicts {
    each = List.copyOf(each);
  }

  /** What becomes of the event. */
  public Outcome outcome() {
    Outcome.Passes passes = Outcome.UNTOUCHED;
    for (Verdict verdict : each) {
      if (verdict.holds()) {
        switch (passes.after(verdict.rule(), verdict.action(), eventId)) {
          case Outcome.Ignored ignored -> {
            return ignored;
          }
          case Outcome.Passes more -> passes = more;
        }
      }
    }
    return passes;
  }

  public String text() {
    StringBuilder text = new StringBuilder();
    for (Verdict verdict : each) {
      text.append(verdict.rule()).append(' ').append(verdict.answer());
      text.append(verdict.holds() ? ": " + verdict.action().words() : "").append('\n');
      append(text, verdict.why(), 1);
    }
    return text.append(words(outcome())).toString();
  }

  private static String words(Outcome outcome) {
    return switch (outcome) {
      case Outcome.Ignored(String rule) -> "ignored by " + rule;
      case Outcome.Passes passes when passes.equals(Outcome.UNTOUCHED) -> "passes as it is";
      case Outcome.Passes passes -> {
        List<String> gets = new ArrayList<>();
        if (!passes.tags().isEmpty()) {
          gets.add("tags " + String.join(", ", passes.tags()));
        }
        passes.severity().ifPresent(severity -> gets.add("rule_severity " + severity.word()));
        passes.sampleRate().ifPresent(rate -> gets.add("sample_rate " + rate));
        passes.routes().forEach(route -> gets.add("a copy in " + Topics.routed(route)));
        yield "passes, with " + String.join("; ", gets);
      }
    };
  }

  private static void append(StringBuilder text, Explanation why, int depth) {
    text.append("  ".repeat(depth)).append(why.sentence()).append('\n');
    why.parts().forEach(part -> append(text, part, depth + 1));
  }

  /** One object on one line. */
  public String json() {
    ObjectNode all = NODES.objectNode();
    switch (outcome()) {
      case Outcome.Ignored(String rule) -> all.put("ignored_by", rule);
      case Outcome.Passes passes -> {
        all.putNull("ignored_by");
        passes.tags().forEach(all.putArray("tags")::add);
        all.put("rule_severity", passes.severity().map(Severity::word).orElse(null));
        all.put(
            "sample_rate",
            passes.sampleRate().isPresent() ? passes.sampleRate().getAsLong() : null);
        passes.routes().forEach(all.putArray("routes")::add);
      }
    }
    var rules = all.putArray("rules");
    for (Verdict verdict : each) {
      rules
          .addObject()
          .put("rule", verdict.rule())
          .put("action", verdict.action().words())
          .put("answer", verdict.answer())
          .set("condition", json(verdict.why()));
    }
    return all.toString();
  }

  private static ObjectNode json(Explanation why) {
    ObjectNode node = NODES.objectNode().put("text", why.text()).put("value", why.value());
    var parts = node.putArray("parts");
    why.parts().forEach(part -> parts.add(json(part)));
    return node;
  }
}
