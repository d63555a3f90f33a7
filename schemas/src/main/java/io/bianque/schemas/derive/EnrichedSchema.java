package io.bianque.schemas.derive;

import io.bianque.schemas.raw.AddressType;
import io.bianque.schemas.raw.CgroupId;
import io.bianque.schemas.raw.InvalidSchema;
import io.bianque.schemas.raw.KernelEnum;
import io.bianque.schemas.raw.KernelStack;
import io.bianque.schemas.raw.Meaning;
import io.bianque.schemas.raw.UserFrames;
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

  /** Of a raw record that has it, as true: its enriched events have {@link #OF_RULES}. */
  public static final String TAGGED_PROPERTY = "tagged";

  /** What rules say of an event, behind the envelope. Not known yet when conditions are asked. */
  public static final List<String> OF_RULES = List.of("tags", "rule_severity", "sample_rate");

  /**
   * What is said of a cgroup, each nullable: with the event itself, of the cgroup whose event it
   * is, and in the record {@link #cgroupField} of any other.
   */
  public static final List<String> OF_CGROUP =
      List.of(
          "container_id",
          "container_name",
          "container_image",
          "container_runtime",
          "pod_uid",
          "pod_name",
          "pod_namespace",
          "pod_qos",
          "systemd_unit",
          "systemd_slice",
          "cgroup_path");

  private static final Map<String, String> ECS_OF_CGROUP =
      Map.of(
          "container_id", "container.id",
          "container_name", "container.name",
          "container_image", "container.image.name",
          "container_runtime", "container.runtime",
          "pod_uid", "orchestrator.resource.id",
          "pod_name", "orchestrator.resource.name",
          "pod_namespace", "orchestrator.namespace");

  private static final Map<String, String> DOC_OF_CGROUP =
      Map.ofEntries(
          Map.entry("container_id", "The runtime's id of the container."),
          Map.entry(
              "container_name", "Name of the container; in a pod the one that the pod gives it."),
          Map.entry("container_image", "Image of the container."),
          Map.entry("container_runtime", "docker, containerd, cri-o, podman, lxc, systemd-nspawn."),
          Map.entry("pod_uid", "Uid of the Kubernetes pod."),
          Map.entry("pod_name", "Name of the Kubernetes pod."),
          Map.entry("pod_namespace", "Namespace of the Kubernetes pod."),
          Map.entry(
              "pod_qos", "QoS class of the Kubernetes pod: guaranteed, burstable, besteffort."),
          Map.entry("systemd_unit", "Innermost systemd unit on the path."),
          Map.entry("systemd_slice", "Innermost systemd slice on the path."),
          Map.entry("cgroup_path", "Path of the cgroup in its hierarchy."));

  // ECS has a name beside the address for these, and for no other.
  private static final Map<String, String> ECS_NAME_OF_ADDRESS =
      Map.of(
          "source.ip", "source.domain",
          "destination.ip", "destination.domain",
          "client.ip", "client.domain",
          "server.ip", "server.domain");

  private static final Map<String, String> ECS_SITE_OF_ADDRESS =
      Map.of(
          "source.ip", "source.geo.name",
          "destination.ip", "destination.geo.name",
          "client.ip", "client.geo.name",
          "server.ip", "server.geo.name");

  private EnrichedSchema() {}

  /** The field that holds the reverse-DNS name of an address field. */
  public static String nameField(String addressField) {
    return addressField + "_name";
  }

  /** The field that holds the site of an address field's network. */
  public static String siteField(String addressField) {
    return addressField + "_site";
  }

  /** The field that holds the owner of an address field's network. */
  public static String ownerField(String addressField) {
    return addressField + "_owner";
  }

  /** The field that keeps the number behind a name which depends on the kernel. */
  public static String codeField(String field) {
    return field + "_code";
  }

  /** The field that holds the hash of a kernel stack's frames. */
  public static String hashField(String stackField) {
    return stackField + "_hash";
  }

  /** The field that holds the hash of a kernel stack's functions. */
  public static String functionsHashField(String stackField) {
    return stackField + "_functions_hash";
  }

  /** The record that says what the cgroup of an id field is: {@code memcg} of {@code memcg_id}. */
  public static String cgroupField(String idField) {
    return idField.endsWith("_id")
        ? idField.substring(0, idField.length() - "_id".length())
        : idField + "_cgroup";
  }

  /**
   * The enriched schema: the envelope, what rules say of the event, then for each raw field its
   * descendant, in order, then what is said of the event's own cgroup, where a field names it.
   *
   * @throws InvalidSchema when a derived name is taken already
   */
  public static Schema of(Schema raw) {
    List<Schema.Field> fields = new ArrayList<>(envelope(raw));
    // Events were written before rules could say more: what is derived for them must not change.
    if (isTagged(raw)) {
      fields.addAll(ofRules());
    }
    Schema cgroup = cgroup();
    raw.getFields().forEach(field -> fields.addAll(descendants(field, cgroup)));
    if (raw.getFields().stream().anyMatch(CgroupId::isOfEvent)) {
      fields.addAll(ofEventsCgroup());
    }
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

  /** Whether rules can say something of the raw schema's events, but that they are ignored. */
  public static boolean isTagged(Schema raw) {
    return Boolean.TRUE.equals(raw.getObjectProp(TAGGED_PROPERTY));
  }

  private static List<Schema.Field> ofRules() {
    return List.of(
        ecs(
            "tags",
            new Schema.Field(
                "tags",
                Schema.createArray(string()),
                "Tags that rules gave the event; empty when none did.",
                List.of())),
        // Not "severity": some events have one of their own.
        ecs(
            "log.level",
            nullableField(
                "rule_severity",
                string(),
                "Highest severity that rules gave the event: info, notice, warning, critical; null when none did.")),
        nullableField(
            "sample_rate",
            Schema.create(Schema.Type.LONG),
            "How many events like this one it stands for, because a rule lets through one of so many; null when none does."));
  }

  private static List<Schema.Field> ofEventsCgroup() {
    List<Schema.Field> fields = new ArrayList<>();
    for (String name : OF_CGROUP) {
      Schema.Field field =
          nullableField(
              name, string(), DOC_OF_CGROUP.get(name) + " Of the cgroup that the event is about.");
      fields.add(ECS_OF_CGROUP.containsKey(name) ? ecs(ECS_OF_CGROUP.get(name), field) : field);
    }
    return fields;
  }

  private static Schema cgroup() {
    return Schema.createRecord(
        "Cgroup",
        "What a cgroup is; absent is what it is not, or what the host did not tell.",
        NAMESPACE,
        false,
        OF_CGROUP.stream()
            .map(name -> nullableField(name, string(), DOC_OF_CGROUP.get(name)))
            .toList());
  }

  private static List<Schema.Field> descendants(Schema.Field raw, Schema cgroup) {
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
      case KERNEL_STACK -> kernelStack(raw, nullable);
      case USER_STACK ->
          List.of(
              as(
                  raw,
                  nullable,
                  Schema.createArray(string()),
                  "Each as 0x and hexadecimal digits."));
      case USER_FRAMES ->
          List.of(
              as(
                  UserFrames.stackField(raw.name()),
                  raw,
                  nullable,
                  Schema.createArray(string()),
                  "Each as symbol+0xoff [file], <build id>+0xoff or <build id>+0xoff [file] when unresolved, %s0x and hexadecimal digits in no such file."
                      .formatted(UserFrames.areNamed(type) ? "symbol [jit] or " : "")));
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
      case CGROUP_ID -> cgroupId(raw, nullable, bare(type), cgroup);
      case HOST_ID, BOOT_ID, PROBE_EPOCH, SEQUENCE, MONOTONIC_NANOS, COUNTER ->
          List.of(as(raw, nullable, bare(type), null));
    };
  }

  private static List<Schema.Field> kernelStack(Schema.Field raw, boolean nullable) {
    Schema.Field stack =
        as(
            raw,
            nullable,
            Schema.createArray(string()),
            "Each as symbol+0xoff, symbol+0xoff [module], or <build id>+0xoff when unresolved.");
    return KernelStack.isHashed(raw.schema())
        ? List.of(
            stack,
            nullableField(
                hashField(raw.name()),
                string(),
                "Hash of the frames of %s: the same on all hosts and boots of one build. FNV-1a, 64 bit, of each frame and a line feed, in hex; null when a frame is unresolved, or there is none."
                    .formatted(raw.name())),
            nullableField(
                functionsHashField(raw.name()),
                string(),
                "Hash of the functions and modules of %s: the same on all builds where these call each other. As the one before, of frames without +0xoff and what a compiler appended to the symbol (.isra.0)."
                    .formatted(raw.name())))
        : List.of(stack);
  }

  private static List<Schema.Field> cgroupId(
      Schema.Field raw, boolean nullable, Schema type, Schema cgroup) {
    if (CgroupId.isOfEvent(raw)) {
      return List.of(field(raw.name(), type, nullable, raw.doc()));
    }
    // Events were written before hierarchies were said: what is derived for them must not change.
    return CgroupId.of(raw.schema()).isEmpty()
        ? List.of(as(raw, nullable, type, null))
        : List.of(
            as(raw, nullable, type, null),
            nullableField(
                cgroupField(raw.name()),
                cgroup,
                "What the cgroup of " + raw.name() + " is; null: not known, or none."));
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
    besideEcs(raw, ECS_NAME_OF_ADDRESS, name);
    Schema.Field address = as(raw, true, text, "As text.");
    if (!AddressType.isLocated(raw.schema())) {
      return List.of(address, name);
    }
    Schema.Field site =
        nullableField(
            siteField(raw.name()),
            string(),
            "Site of %s, by the table of networks; null when that does not say."
                .formatted(raw.name()));
    besideEcs(raw, ECS_SITE_OF_ADDRESS, site);
    Schema.Field owner =
        nullableField(
            ownerField(raw.name()),
            string(),
            "Who owns the network of %s, by the same table; null when that does not say."
                .formatted(raw.name()));
    return List.of(address, name, site, owner);
  }

  private static void besideEcs(
      Schema.Field address, Map<String, String> beside, Schema.Field field) {
    String ecs = address.getProp("ecs");
    if (ecs != null && beside.containsKey(ecs)) {
      ecs(beside.get(ecs), field);
    }
  }

  /** The raw field with another type; its doc, and what the new type adds to it. */
  private static Schema.Field as(Schema.Field raw, boolean nullable, Schema type, String addedDoc) {
    return as(raw.name(), raw, nullable, type, addedDoc);
  }

  private static Schema.Field as(
      String name, Schema.Field raw, boolean nullable, Schema type, String addedDoc) {
    String doc =
        addedDoc == null ? raw.doc() : raw.doc() == null ? addedDoc : raw.doc() + " " + addedDoc;
    Schema.Field field = field(name, type, nullable, doc);
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
                    ENVELOPE.contains(field.name()) || OF_RULES.contains(field.name())
                        ? "every enriched event has one"
                        : "one is derived from another raw field"));
      }
    }
  }
}
