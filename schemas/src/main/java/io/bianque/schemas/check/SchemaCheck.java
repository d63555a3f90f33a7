package io.bianque.schemas.check;

import io.bianque.schemas.derive.EnrichedSchema;
import io.bianque.schemas.raw.AddressType;
import io.bianque.schemas.raw.CgroupId;
import io.bianque.schemas.raw.InvalidSchema;
import io.bianque.schemas.raw.KernelEnum;
import io.bianque.schemas.raw.KernelStack;
import io.bianque.schemas.raw.Meaning;
import io.bianque.schemas.raw.UserFrames;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.avro.Schema;

/** Checks that a raw schema says only what an agent can encode and enrichment can translate. */
public final class SchemaCheck {
  /** Namespace of raw schemas. */
  public static final String NAMESPACE = "io.bianque.raw";

  /**
   * What every event must have: by these, duplicates are found, losses counted and addresses
   * resolved.
   */
  private static final List<Header> HEADER =
      List.of(
          new Header("host_id", Meaning.HOST_ID),
          new Header("boot_id", Meaning.BOOT_ID),
          new Header("epoch", Meaning.PROBE_EPOCH),
          new Header("cpu", null),
          new Header("sequence", Meaning.SEQUENCE),
          new Header("ktime_ns", Meaning.MONOTONIC_NANOS),
          new Header("time", Meaning.TIMESTAMP_NANOS));

  private static final List<Schema.Type> TYPES =
      List.of(
          Schema.Type.INT,
          Schema.Type.LONG,
          Schema.Type.STRING,
          Schema.Type.BYTES,
          Schema.Type.ENUM,
          Schema.Type.ARRAY);

  private static final List<String> PROPERTIES =
      List.of("ecs", "lengthIn", "presentIf", UserFrames.PROCESS_PROPERTY);

  /** Says of a record that the agent makes it in Java: then no C struct has its fields. */
  private static final String MADE_BY = "madeBy";

  private static final Pattern SNAKE_CASE = Pattern.compile("[a-z][a-z0-9]*(_[a-z0-9]+)*");

  private final String file;
  private final List<String> problems = new ArrayList<>();

  private SchemaCheck(String file) {
    this.file = file;
  }

  private record Header(String name, Meaning meaning) {
    String description() {
      return meaning == null
          ? "{\"name\": \"%s\", \"type\": \"int\"}".formatted(name)
          : "{\"name\": \"%s\", \"type\": {\"type\": \"%s\", \"logicalType\": \"%s\"}}"
              .formatted(name, meaning.type().getName(), meaning.word());
    }
  }

  /**
   * What is wrong with the schema, each with file and field; empty when nothing is.
   *
   * @param file for the messages; its name must be the probe's
   */
  public static List<String> problems(String file, Schema schema) {
    SchemaCheck check = new SchemaCheck(file);
    check.check(schema);
    return List.copyOf(check.problems);
  }

  private void check(Schema schema) {
    if (schema.getType() != Schema.Type.RECORD) {
      problems.add(file + ": must be a record, is " + schema.getType().getName());
      return;
    }
    if (!NAMESPACE.equals(schema.getNamespace())) {
      problem(null, "namespace must be " + NAMESPACE + ", is " + schema.getNamespace());
    }
    if (!SNAKE_CASE.matcher(schema.getName()).matches()) {
      problem(
          null,
          "name '"
              + schema.getName()
              + "' must be snake_case: topics and C structs are named after it");
    }
    if (!(file.equals(schema.getName() + ".avsc")
        || file.endsWith("/" + schema.getName() + ".avsc"))) {
      problem(null, "the file must be named " + schema.getName() + ".avsc, after the record");
    }
    if (blank(schema.getDoc())) {
      problem(null, "has no doc");
    }
    HEADER.forEach(header -> header(schema, header));
    String madeBy = schema.getProp(MADE_BY);
    if (madeBy != null && !madeBy.equals("agent")) {
      problem(null, MADE_BY + " must be agent, is " + madeBy);
    }
    if (schema.getObjectProp(EnrichedSchema.TAGGED_PROPERTY) != null
        && !EnrichedSchema.isTagged(schema)) {
      problem(null, EnrichedSchema.TAGGED_PROPERTY + " must be true, or not be there");
    }
    schema.getFields().forEach(field -> field(field, madeBy == null));
    try {
      EnrichedSchema.of(schema);
    } catch (InvalidSchema e) {
      problems.add(file + ": " + e.getMessage());
    }
  }

  private void header(Schema schema, Header header) {
    Schema.Field field = schema.getField(header.name());
    if (field == null) {
      problem(header.name(), "is missing; every event has " + header.description());
      return;
    }
    boolean fits =
        header.meaning() == null
            ? field.schema().getType() == Schema.Type.INT
                && field.schema().getProp("logicalType") == null
            : !Meaning.nullable(field.schema())
                && Meaning.of(field.schema()).equals(Optional.of(header.meaning()));
    if (!fits) {
      problem(header.name(), "must be " + header.description());
    }
  }

  private void field(Schema.Field field, boolean struct) {
    String name = field.name();
    if (!SNAKE_CASE.matcher(name).matches()) {
      problem(name, "must be snake_case, as in the C struct");
    }
    if (blank(field.doc())) {
      problem(name, "has no doc");
    }
    if (field.schema().isUnion() && !Meaning.nullable(field.schema())) {
      problem(name, "is a union; only a union of null and one other type is allowed");
      return;
    }
    Schema type = Meaning.notNull(field.schema());
    boolean nullable = Meaning.nullable(field.schema());
    if (nullable
        && !(field.schema().getTypes().getFirst().getType() == Schema.Type.NULL
            && field.hasDefaultValue())) {
      problem(name, "is nullable: null must come first in its union, and its default must be null");
    }
    if (!TYPES.contains(type.getType())) {
      problem(
          name,
          "has type %s; allowed: %s"
              .formatted(
                  type.getType().getName(),
                  TYPES.stream().map(Schema.Type::getName).collect(Collectors.joining(", "))));
      return;
    }
    meaning(name, type);
    properties(field, type, nullable, struct);
  }

  private void meaning(String name, Schema type) {
    String word = type.getProp("logicalType");
    Optional<Meaning> meaning = Meaning.of(type);
    if (word != null && meaning.isEmpty()) {
      problem(
          name,
          "has unknown logicalType '%s'; known: %s"
              .formatted(
                  word,
                  Stream.of(Meaning.values())
                      .map(Meaning::word)
                      .collect(Collectors.joining(", "))));
    }
    if (meaning.isPresent() && meaning.get().type() != type.getType()) {
      problem(
          name,
          "logicalType %s belongs on %s, not on %s"
              .formatted(word, meaning.get().type().getName(), type.getType().getName()));
    }
    HEADER.stream()
        .filter(header ->
            meaning.isPresent() && meaning.get() == header.meaning() && !header.name().equals(name))
        .filter(header -> header.meaning().fromAgent() || header.meaning() == Meaning.SEQUENCE)
        .forEach(header ->
            problem(name, "logicalType " + word + " is for the field " + header.name() + " only"));
    if (meaning.equals(Optional.of(Meaning.USER_FRAMES))) {
      if (type.getType() == Schema.Type.ARRAY && !UserFrames.areItemsOf(type)) {
        problem(
            name,
            "has logicalType user-frames; its items are {\"type\": \"record\", \"name\":"
                + " \"UserFrame\", \"fields\": [{\"name\": \"build_id\", \"type\": [\"null\","
                + " {\"type\": \"fixed\", \"name\": \"BuildId\", \"size\": 20}], \"default\":"
                + " null}, {\"name\": \"offset\", \"type\": {\"type\": \"long\","
                + " \"logicalType\": \"uint64\"}}]}, and behind these {\"name\":"
                + " \"symbol\", \"type\": [\"null\", \"string\"], \"default\": null}");
      }
    } else if (type.getType() == Schema.Type.ARRAY
        && !(meaning.isPresent() && type.getElementType().getType() == Schema.Type.LONG)) {
      problem(
          name,
          "is an array; the only ones allowed are of long, with logicalType %s, %s or %s, and %s"
              .formatted(
                  Meaning.KERNEL_STACK.word(),
                  Meaning.USER_STACK.word(),
                  Meaning.LOG2_HISTOGRAM.word(),
                  Meaning.USER_FRAMES.word()));
    }
    if (meaning.equals(Optional.of(Meaning.KERNEL_ENUM))
        && blank(type.getProp(KernelEnum.NAME_PROPERTY))) {
      problem(
          name,
          "has logicalType kernel-enum, but no \"enum\" beside it that names the kernel's enum");
    }
    if (type.getObjectProp(KernelStack.HASHED_PROPERTY) != null && !KernelStack.isHashed(type)) {
      problem(name, "has \"hashed\", which only a kernel-stack may have, and as true");
    }
    if (type.getObjectProp(AddressType.LOCATED_PROPERTY) != null && !AddressType.isLocated(type)) {
      problem(name, "has \"located\", which only an ip-address may have, and as true");
    }
    if (CgroupId.of(type).filter(id -> !id.isSound()).isPresent()) {
      problem(
          name,
          "has hierarchy '%s'; allowed: %s, or several of them with commas"
              .formatted(
                  type.getProp(CgroupId.HIERARCHY_PROPERTY),
                  Stream.concat(Stream.of(CgroupId.UNIFIED), CgroupId.CONTROLLERS.stream().sorted())
                      .collect(Collectors.joining(", "))));
    }
  }

  private void properties(Schema.Field field, Schema type, boolean nullable, boolean struct) {
    String name = field.name();
    Object presentIf = field.getObjectProp("presentIf");
    Object lengthIn = field.getObjectProp("lengthIn");
    if (CgroupId.ECS_OF_EVENT.equals(field.getObjectProp("ecs")) && !CgroupId.isOfEvent(field)) {
      problem(
          name,
          "has ecs container, which is for a cgroup-id that says its hierarchy: {\"type\":"
              + " \"long\", \"logicalType\": \"cgroup-id\", \"hierarchy\": \"unified\"}");
    }
    boolean counted = type.getType() == Schema.Type.ARRAY || type.getType() == Schema.Type.BYTES;
    if (presentIf != null && !nullable) {
      problem(name, "has presentIf, but its type has no null for when it is absent");
    }
    if (lengthIn != null && !counted) {
      problem(
          name, "has lengthIn, which is for bytes and arrays, not for " + type.getType().getName());
    }
    boolean histogram = Meaning.of(type).equals(Optional.of(Meaning.LOG2_HISTOGRAM));
    if (histogram && lengthIn != null) {
      problem(name, "has lengthIn, but a histogram's length is that of its C array");
    }
    if (lengthIn == null && counted && !histogram) {
      problem(name, "has no lengthIn: the name of the C field that holds its length");
    }
    boolean named =
        Meaning.of(type).equals(Optional.of(Meaning.USER_FRAMES))
            && UserFrames.areItemsOf(type)
            && UserFrames.areNamed(type);
    if (named != (field.getObjectProp(UserFrames.PROCESS_PROPERTY) != null)) {
      problem(
          name,
          named
              ? "has frames with a symbol, and no processIn: the name of the C field that holds their process"
              : "has processIn, which is for user-frames with a symbol");
    }
    if (!struct && (presentIf != null || lengthIn != null)) {
      problem(name, "names a C field, but the agent makes the record: no struct has one");
    }
    if (nullable
        && struct
        && presentIf == null
        && !(lengthIn != null && type.getType() == Schema.Type.BYTES)) {
      problem(
          name,
          "is nullable, and nothing says when it is absent: give it presentIf, the name of a C flag");
    }
    for (String property : PROPERTIES) {
      Object value = field.getObjectProp(property);
      if (value != null && !(value instanceof String word && !blank(word))) {
        problem(name, property + " must be a name, is " + value);
      }
    }
    field.getObjectProps().keySet().stream()
        .filter(property -> !PROPERTIES.contains(property))
        .forEach(property ->
            problem(
                name,
                property.equals("logicalType")
                    ? "has logicalType beside its type; it belongs into the type: {\"type\": …, \"logicalType\": …}"
                    : "has unknown property '%s'; known: %s".formatted(property, PROPERTIES)));
  }

  private void problem(String field, String reason) {
    problems.add(file + ": " + (field == null ? "" : "field '" + field + "' ") + reason);
  }

  private static boolean blank(String text) {
    return text == null || text.isBlank();
  }
}
