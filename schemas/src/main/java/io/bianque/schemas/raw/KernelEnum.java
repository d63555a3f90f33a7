package io.bianque.schemas.raw;

import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.avro.Schema;

/**
 * An enum of the kernel whose numbers change from kernel to kernel, so that only the host's own
 * names are right.
 *
 * @param name as in the kernel's BTF: {@code skb_drop_reason}
 * @param prefix what its members' names begin with, and readers need not see; may be empty
 */
public record KernelEnum(String name, String prefix) {
  /** Properties of the type beside {@code logicalType}. */
  public static final String NAME_PROPERTY = "enum";

  public static final String PREFIX_PROPERTY = "enumPrefix";

  private static final KernelEnum DROP_REASON =
      new KernelEnum("skb_drop_reason", "SKB_DROP_REASON_");

  /** The enum that a field's type is of; empty when it is of none. */
  public static Optional<KernelEnum> of(Schema type) {
    return Meaning.of(type)
        .map(meaning ->
            switch (meaning) {
              case DROP_REASON -> DROP_REASON;
              case KERNEL_ENUM -> named(Meaning.notNull(type));
              default -> null;
            });
  }

  /** Names of all enums that the fields of a raw schema are of. */
  public static Set<String> in(Schema raw) {
    return raw.getFields().stream()
        .flatMap(field -> of(field.schema()).stream())
        .map(KernelEnum::name)
        .collect(Collectors.toSet());
  }

  private static KernelEnum named(Schema type) {
    String name = type.getProp(NAME_PROPERTY);
    if (name == null) {
      throw new InvalidSchema(
          "logicalType kernel-enum needs the enum's name beside it: {\"type\": \"long\","
              + " \"logicalType\": \"kernel-enum\", \"enum\": \"sk_rst_reason\"}");
    }
    String prefix = type.getProp(PREFIX_PROPERTY);
    return new KernelEnum(name, prefix == null ? "" : prefix);
  }

  /** A member's name as readers see it. */
  public String shown(String member) {
    return member.startsWith(prefix) ? member.substring(prefix.length()) : member;
  }
}
