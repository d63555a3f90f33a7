package io.bianque.agent.probe;

import io.bianque.agent.btf.Btf;
import io.bianque.agent.btf.BtfType;
import io.bianque.agent.btf.BtfVariable;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * A probe's {@code const volatile} globals: what may be set, and the values that were asked for,
 * checked.
 *
 * <p>Immutable.
 */
final class Tunables {
  /** The section of constants, and of the map that holds them until the object is loaded. */
  static final String SECTION = ".rodata";

  /** Set by the agent from the choice of the channel. */
  static final String USE_PERF_BUFFER = "use_perf_buffer";

  /** Bytes of its event channel; 0 leaves them to the settings. */
  static final String CHANNEL_BYTES = "channel_bytes";

  /** How often a second a program of section perf_event runs on each CPU. */
  static final String SAMPLE_HERTZ = "sample_hz";

  /**
   * Whether the probe starts with the agent, when its configuration does not say; see {@code
   * probes.<name>.enabled}.
   */
  static final String ENABLED = "enabled";

  /** Constants that are no operator's to set. */
  private static final Set<String> OWN = Set.of(USE_PERF_BUFFER, ENABLED);

  private final Map<String, BtfVariable> variables;
  private final Map<BtfVariable, Long> values;

  private Tunables(Map<String, BtfVariable> variables, Map<BtfVariable, Long> values) {
    this.variables = variables;
    this.values = values;
  }

  /**
   * Checks the values that were asked for.
   *
   * @throws ProbeRejected for a name the probe does not have, or a value that does not fit, with
   *     what is allowed
   */
  static Tunables of(String probe, Btf btf, Map<String, String> asked) {
    Map<String, BtfVariable> variables = new TreeMap<>();
    for (BtfVariable variable : btf.variables(SECTION)) {
      if (variable.constVolatile() && isInteger(variable.type())) {
        variables.put(variable.name(), variable);
      }
    }
    Map<BtfVariable, Long> values = new LinkedHashMap<>();
    List<String> problems = new ArrayList<>();
    asked.forEach((name, text) -> {
      BtfVariable variable = variables.get(name);
      if (variable == null || OWN.contains(name)) {
        problems.add("no tunable " + name + "; it has " + names(variables));
        return;
      }
      try {
        values.put(variable, parse(variable.type(), text));
      } catch (NumberFormatException e) {
        problems.add(name + " = " + text + " does not fit; allowed is " + allowed(variable.type()));
      }
    });
    if (!problems.isEmpty()) {
      throw new ProbeRejected("probe " + probe + ": " + String.join("; ", problems));
    }
    return new Tunables(variables, values);
  }

  /** A constant's value in the section's memory, as unsigned; empty when the probe has none. */
  OptionalLong read(ByteBuffer section, String name) {
    BtfVariable variable = variables.get(name);
    if (variable == null) {
      return OptionalLong.empty();
    }
    return OptionalLong.of(
        switch (variable.size()) {
          case 1 -> section.get(variable.offset()) & 0xff;
          case 2 -> section.getShort(variable.offset()) & 0xffff;
          case 4 -> section.getInt(variable.offset()) & 0xffff_ffffL;
          default -> section.getLong(variable.offset());
        });
  }

  /** Whether the probe has such a constant. */
  boolean has(String name) {
    return variables.containsKey(name);
  }

  /** What may be set, with the values that each takes. */
  Map<String, String> allowed() {
    Map<String, String> allowed = new TreeMap<>();
    variables.forEach((name, variable) -> {
      if (!OWN.contains(name)) {
        allowed.put(name, allowed(variable.type()));
      }
    });
    return allowed;
  }

  /** Writes the values that were asked for into the section's memory. */
  void write(ByteBuffer section, boolean usePerfBuffer) {
    values.forEach((variable, value) -> put(section, variable, value));
    BtfVariable perf = variables.get(USE_PERF_BUFFER);
    if (perf != null) {
      put(section, perf, usePerfBuffer ? 1 : 0);
    }
  }

  private static void put(ByteBuffer section, BtfVariable variable, long value) {
    switch (variable.size()) {
      case 1 -> section.put(variable.offset(), (byte) value);
      case 2 -> section.putShort(variable.offset(), (short) value);
      case 4 -> section.putInt(variable.offset(), (int) value);
      default -> section.putLong(variable.offset(), value);
    }
  }

  private static boolean isInteger(BtfType type) {
    return type instanceof BtfType.Int integer && integer.size() <= Long.BYTES;
  }

  private static long parse(BtfType type, String text) {
    if (!(type instanceof BtfType.Int integer)) {
      throw new NumberFormatException(text);
    }
    if (integer.bool()) {
      return switch (text) {
        case "true" -> 1;
        case "false" -> 0;
        default -> throw new NumberFormatException(text);
      };
    }
    BigInteger value =
        text.startsWith("0x") ? new BigInteger(text.substring(2), 16) : new BigInteger(text);
    if (value.compareTo(min(integer)) < 0 || value.compareTo(max(integer)) > 0) {
      throw new NumberFormatException(text);
    }
    return value.longValue();
  }

  private static BigInteger min(BtfType.Int integer) {
    return integer.signed()
        ? BigInteger.ONE.shiftLeft((int) integer.size() * 8 - 1).negate()
        : BigInteger.ZERO;
  }

  private static BigInteger max(BtfType.Int integer) {
    int bits = (int) integer.size() * 8 - (integer.signed() ? 1 : 0);
    return BigInteger.ONE.shiftLeft(bits).subtract(BigInteger.ONE);
  }

  private static String allowed(BtfType type) {
    if (type instanceof BtfType.Int integer && !integer.bool()) {
      return min(integer) + " to " + max(integer);
    }
    return "true or false";
  }

  private static String names(Map<String, BtfVariable> variables) {
    return variables.values().stream()
        .filter(v -> !OWN.contains(v.name()))
        .map(v -> v.name() + " (" + allowed(v.type()) + ")")
        .collect(Collectors.joining(", "));
  }
}
