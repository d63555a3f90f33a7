package io.bianque.streams.rule;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Optional;

/** Verdicts on one event, as people and programs read them. */
public final class Verdicts {
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  private Verdicts() {}

  private static Optional<String> ignoredBy(List<Verdict> verdicts) {
    return verdicts.stream().filter(Verdict::holds).map(Verdict::rule).findFirst();
  }

  public static String text(List<Verdict> verdicts) {
    StringBuilder text = new StringBuilder();
    for (Verdict verdict : verdicts) {
      text.append(verdict.rule()).append(' ').append(verdict.answer()).append('\n');
      append(text, verdict.why(), 1);
    }
    return text.append(
            ignoredBy(verdicts).map(rule -> "ignored by " + rule).orElse("passes: no rule holds"))
        .toString();
  }

  private static void append(StringBuilder text, Explanation why, int depth) {
    text.append("  ".repeat(depth)).append(why.sentence()).append('\n');
    why.parts().forEach(part -> append(text, part, depth + 1));
  }

  /** One object on one line. */
  public static String json(List<Verdict> verdicts) {
    ObjectNode all = NODES.objectNode();
    all.put("ignored_by", ignoredBy(verdicts).orElse(null));
    var rules = all.putArray("rules");
    for (Verdict verdict : verdicts) {
      rules
          .addObject()
          .put("rule", verdict.rule())
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
