package io.bianque.agent.probe;

import io.bianque.agent.libbpf.BpfProgram;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A place in the kernel that a probe wants to see, and the programs that can, best first.
 *
 * <p>{@code kfree_skb__tp_btf} and {@code kfree_skb__tp} are two variants of hook {@code
 * kfree_skb}; they are tried in the order of the source. A program without {@code __} is a hook's
 * only variant.
 *
 * @param optional whether the probe is of use without it: the sections of its variants begin with
 *     {@code ?}
 */
record Hook(String name, List<Variant> variants, boolean optional) {

  /** A program and its section: what it attaches to. */
  record Variant(String program, String section) {
    static Variant of(BpfProgram program) {
      return new Variant(program.name(), program.section());
    }
  }

  static List<Hook> of(List<BpfProgram> programs) {
    Map<String, List<Variant>> byName = new LinkedHashMap<>();
    Set<String> needed = new HashSet<>();
    for (BpfProgram program : programs) {
      int end = program.name().indexOf("__", 1);
      String hook = end < 0 ? program.name() : program.name().substring(0, end);
      byName.computeIfAbsent(hook, h -> new ArrayList<>()).add(Variant.of(program));
      if (!program.optional()) {
        needed.add(hook);
      }
    }
    return byName.entrySet().stream()
        .map(e -> new Hook(e.getKey(), List.copyOf(e.getValue()), !needed.contains(e.getKey())))
        .toList();
  }
}
