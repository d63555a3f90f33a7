package io.bianque.schemas.derive;

import io.bianque.schemas.raw.InvalidSchema;
import io.bianque.schemas.raw.KernelEnum;
import io.bianque.schemas.raw.Meaning;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.avro.JsonProperties;
import org.apache.avro.Schema;

/** Derives the enriched schema from a raw one. */
public final class EnrichedSchema {
  /** Namespace of the derived records. */
  public static final String NAMESPACE = "io.bianque.enriched";

  /** Fields of every enriched event, before the probe's own. */
  public static final List<String> ENVELOPE =
      List.of(
          "event_id", "host_name", "kernel_release", "kernel_build_id", "missing", "rules_version");

  // ECS has a name beside the address for these, and for no other.
  private static final Map<String, String> ECS_NAME_OF_ADDRESS =
      Map.of(
          "source.ip", "source.domain",
          "destination.ip", "destination.domain",
          "client.ip", "client.domain",
          "server.ip", "server.domain");

  private EnrichedSchema() {}

  /** The field that holds the reverse-DNS name of an address field. */
  public static String nameField(String addressField) {
    return addressField + "_name";
  }

  /** The field that keeps the number behind a name which depends on the kernel. */
  public static String codeField(String field) {
    return field + "_code";
  }

  /**
   * The enriched schema: the envelope, then for each raw field its descendant, in order.
   *
   * @throws InvalidSchema when a derived name is taken already
   */
  public static Schema of(Schema raw) {
    List<Schema.Field> fields = new ArrayList<>(envelope(raw));
    raw.getFields().forEach(field -> fields.addAll(descendants(field)));
    refuseClashes(raw, fields);
    Schema enriched = Schema.createRecord(raw.getName(), raw.getDoc(), NAMESPACE, false);
    enriched.setFields(fields);
    return enriched;
  }

  private static List<Schema.Field> envelope(Schema raw) {
    return List.of(
        field(
            "event_id",
            string(),
            "Where the raw event stands: <topic>-<partition>-<offset>, of bianque.raw.%s. The same event has it on every replay."
                .formatted(raw.getName())),
        ecs("host.name", nullableField("host_name", string(), "Name of the host, from its facts.")),
        ecs(
            "host.os.kernel",
            nullableField("kernel_release", string(), "Kernel release of the host: uname -r.")),
        nullableField("kernel_build_id", string(), "GNU build id of the host's kernel, in hex."),
        field(
            "missing",
            Schema.createArray(string()),
            "What enrichment could not give and why, each as \"<what>: <why>\"; empty when the event is complete."),
        field(
            "rules_version",
            string(),
            "Version of the rules that let the event through, or took it out."));
  }

  private static List<Schema.Field> descendants(Schema.Field raw) {
    Schema type = Meaning.notNull(raw.schema());
    boolean nullable = Meaning.nullable(raw.schema());
    Optional<Meaning> meaning = Meaning.of(type);
    if (meaning.isEmpty()) {
      return List.of(
          type.getType() == Schema.Type.ENUM
              ? as(raw, nullable, string(), "In lower case: " + lowerCase(type) + ".")
              : as(raw, nullable, bare(type), null));
    }
    return switch (meaning.get()) {
      case KERNEL_STACK ->
          List.of(
              as(
                  raw,
                  nullable,
                  Schema.createArray(string()),
                  "Each as symbol+0xoff, symbol+0xoff [module], or <build id>+0xoff when unresolved."));
      case USER_STACK ->
          List.of(
              as(
                  raw,
                  nullable,
                  Schema.createArray(string()),
                  "Each as 0x and hexadecimal digits."));
      case KERNEL_ADDRESS ->
          List.of(
              as(
                  raw,
                  nullable,
                  string(),
                  "As symbol+0xoff, symbol+0xoff [module], or <build id>+0xoff when unresolved."));
      case IP_ADDRESS -> address(raw);
      case TCP_STATE -> List.of(as(raw, nullable, string(), "By the kernel's name: CLOSE_WAIT."));
      case TCP_FLAGS ->
          List.of(as(raw, nullable, Schema.createArray(string()), "By name: SYN, ACK."));
      case IP_PROTOCOL ->
          List.of(
              as(
                  raw,
                  nullable,
                  string(),
                  "By IANA's name in lower case: tcp; the number where it has none."));
      case ETHER_TYPE ->
          List.of(as(raw, nullable, string(), "By name: ipv4, ipv6, arp; else as 0x88cc."));
      case DROP_REASON ->
          kernelEnum(
              raw, nullable, "By this kernel's own name, without SKB_DROP_REASON_: NO_SOCKET.");
      case KERNEL_ENUM -> {
        String prefix = KernelEnum.of(type).orElseThrow().prefix();
        yield kernelEnum(
            raw,
            nullable,
            "By this kernel's own name%s."
                .formatted(prefix.isEmpty() ? "" : ", without " + prefix));
      }
      case LOG2_HISTOGRAM -> List.of(as(raw, nullable, bare(type), null));
      case TIMESTAMP_NANOS, UINT64 -> List.of(as(raw, nullable, type, null));
      case HOST_ID, BOOT_ID, PROBE_EPOCH, SEQUENCE, MONOTONIC_NANOS, CGROUP_ID, COUNTER ->
          List.of(as(raw, nullable, bare(type), null));
    };
  }

  private static List<Schema.Field> kernelEnum(Schema.Field raw, boolean nullable, String doc) {
    return List.of(
        as(raw, nullable, string(), doc),
        field(
            codeField(raw.name()),
            Schema.create(Schema.Type.LONG),
            nullable,
            "Number of " + raw.name() + " in this kernel."));
  }

  // Nullable even where the raw one is not: bytes that are neither 4 nor 16 long have no text.
  private static List<Schema.Field> address(Schema.Field raw) {
    Schema text = string();
    text.addProp("logicalType", "ip");
    Schema.Field name =
        field(
            nameField(raw.name()),
            string(),
            true,
            "Name of " + raw.name() + " by reverse DNS; null when it has none.");
    String ecs = raw.getProp("ecs");
    if (ecs != null && ECS_NAME_OF_ADDRESS.containsKey(ecs)) {
      ecs(ECS_NAME_OF_ADDRESS.get(ecs), name);
    }
    return List.of(as(raw, true, text, "As text."), name);
  }

  /** The raw field with another type; its doc, and what the new type adds to it. */
  private static Schema.Field as(Schema.Field raw, boolean nullable, Schema type, String addedDoc) {
    String doc =
        addedDoc == null ? raw.doc() : raw.doc() == null ? addedDoc : raw.doc() + " " + addedDoc;
    Schema.Field field = field(raw.name(), type, nullable, doc);
    String ecs = raw.getProp("ecs");
    return ecs == null ? field : ecs(ecs, field);
  }

  private static Schema.Field nullableField(String name, Schema type, String doc) {
    return field(name, type, true, doc);
  }

  private static Schema.Field field(String name, Schema type, String doc) {
    return field(name, type, false, doc);
  }

  private static Schema.Field field(String name, Schema type, boolean nullable, String doc) {
    return nullable
        ? new Schema.Field(
            name,
            Schema.createUnion(Schema.create(Schema.Type.NULL), type),
            doc,
            JsonProperties.NULL_VALUE)
        : new Schema.Field(name, type, doc);
  }

  private static Schema.Field ecs(String name, Schema.Field field) {
    field.addProp("ecs", name);
    return field;
  }

  private static Schema string() {
    return Schema.create(Schema.Type.STRING);
  }

  /** The type without the logical type, which nobody behind enrichment acts on. */
  private static Schema bare(Schema type) {
    return switch (type.getType()) {
      case ARRAY -> Schema.createArray(bare(type.getElementType()));
      case INT, LONG, FLOAT, DOUBLE, STRING, BYTES, BOOLEAN -> Schema.create(type.getType());
      default -> type;
    };
  }

  private static String lowerCase(Schema type) {
    return String.join(", ", type.getEnumSymbols()).toLowerCase(Locale.ROOT);
  }

  private static void refuseClashes(Schema raw, List<Schema.Field> fields) {
    Set<String> names = new HashSet<>();
    for (Schema.Field field : fields) {
      if (!names.add(field.name())) {
        throw new InvalidSchema(
            "%s: two fields of the enriched schema would be named '%s': %s. Rename the raw one."
                .formatted(
                    raw.getFullName(),
                    field.name(),
                    ENVELOPE.contains(field.name())
                        ? "every enriched event has one"
                        : "one is derived from another raw field"));
      }
    }
  }
}
