package io.bianque.streams.enrich;

import static io.bianque.schemas.derive.EnrichedSchema.cgroupField;
import static io.bianque.schemas.derive.EnrichedSchema.codeField;
import static io.bianque.schemas.derive.EnrichedSchema.functionsHashField;
import static io.bianque.schemas.derive.EnrichedSchema.hashField;
import static io.bianque.schemas.derive.EnrichedSchema.nameField;
import static io.bianque.schemas.derive.EnrichedSchema.ownerField;
import static io.bianque.schemas.derive.EnrichedSchema.siteField;

import io.bianque.facts.Container;
import io.bianque.schemas.derive.EnrichedSchema;
import io.bianque.schemas.raw.AddressType;
import io.bianque.schemas.raw.CgroupId;
import io.bianque.schemas.raw.KernelEnum;
import io.bianque.schemas.raw.KernelStack;
import io.bianque.schemas.raw.Meaning;
import io.bianque.schemas.raw.UserFrames;
import io.bianque.schemas.wire.DerivedRecord;
import io.bianque.streams.container.CgroupFields;
import io.bianque.streams.dns.Names;
import io.bianque.streams.facts.Host;
import io.bianque.streams.names.IpAddress;
import io.bianque.streams.names.NetworkNames;
import io.bianque.streams.names.RecentAddresses;
import io.bianque.streams.network.Network;
import io.bianque.streams.rule.Outcome;
import io.bianque.streams.rule.Severity;
import io.bianque.streams.symbol.Stack;
import io.bianque.streams.symbol.Symbolizer;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;

/**
 * How events of one raw schema become events of its enriched schema: a flat list of steps, compiled
 * once from the fields' logical types. For one thread, the task's.
 */
final class EnrichPlan {
  /** The raw schema is none of an event. */
  static final class NotAnEvent extends RuntimeException {
    NotAnEvent(String message) {
      super(message);
    }
  }

  /** Fills one or a few fields of the enriched event from one of the raw. */
  private interface Step {
    void apply(GenericRecord raw, GenericRecord enriched, Surroundings around);
  }

  private static final Step NOTHING = (raw, event, around) -> {};

  /** A raw field that names a cgroup. */
  private record CgroupField(String name, int position, CgroupId meaning, boolean ofEvent) {}

  private final Schema enriched;
  private final boolean tagged;
  private final List<Step> steps;

  /** By field of the enriched schema the raw one that it is, and whose bytes it takes. */
  private final Map<Integer, Integer> taken = new HashMap<>();

  private final DerivedRecord.Mapping mapping;
  private final List<Integer> addresses;
  private final RecentAddresses addressesSeen = new RecentAddresses();
  private final List<CgroupField> cgroups;
  private final int hostId;
  private final int bootId;
  private final int epoch;
  private final int cpu;
  private final int sequence;
  private final int time;
  private final int toEventId;
  private final int toHostName;
  private final int toKernelRelease;
  private final int toKernelBuildId;
  private final int toRulesVersion;
  private final int toMissing;

  /** Of a schema that is tagged. */
  private final int toTags;

  private final int toSeverity;
  private final int toSampleRate;

  private EnrichPlan(Schema raw) {
    this.enriched = EnrichedSchema.of(raw);
    this.tagged = EnrichedSchema.isTagged(raw);
    this.steps = new ArrayList<>();
    this.addresses = new ArrayList<>();
    this.cgroups = cgroups(raw);
    Map<Meaning, Integer> header = new HashMap<>();
    for (Schema.Field field : raw.getFields()) {
      Optional<Meaning> meaning = Meaning.of(field.schema());
      meaning.ifPresent(m -> header.putIfAbsent(m, field.pos()));
      Step step = step(field, meaning);
      if (!step.equals(NOTHING)) {
        steps.add(step);
      }
      if (meaning.equals(Optional.of(Meaning.IP_ADDRESS))) {
        addresses.add(field.pos());
      }
    }
    List<CgroupField> ofEvent = cgroups.stream().filter(CgroupField::ofEvent).toList();
    if (!ofEvent.isEmpty()) {
      steps.add(eventsCgroup(ofEvent));
    }
    this.mapping = new DerivedRecord.Mapping(enriched, taken);
    this.hostId = position(raw, header, Meaning.HOST_ID);
    this.bootId = position(raw, header, Meaning.BOOT_ID);
    this.epoch = position(raw, header, Meaning.PROBE_EPOCH);
    this.sequence = position(raw, header, Meaning.SEQUENCE);
    this.time = position(raw, header, Meaning.TIMESTAMP_NANOS);
    Schema.Field cpuField = raw.getField("cpu");
    if (cpuField == null || cpuField.schema().getType() != Schema.Type.INT) {
      throw new NotAnEvent(
          raw.getFullName() + " has no field 'cpu' of type int: its sequence numbers mean nothing");
    }
    this.cpu = cpuField.pos();
    this.toEventId = enriched.getField("event_id").pos();
    this.toHostName = enriched.getField("host_name").pos();
    this.toKernelRelease = enriched.getField("kernel_release").pos();
    this.toKernelBuildId = enriched.getField("kernel_build_id").pos();
    this.toRulesVersion = enriched.getField("rules_version").pos();
    this.toMissing = enriched.getField("missing").pos();
    this.toTags = tagged ? enriched.getField("tags").pos() : -1;
    this.toSeverity = tagged ? enriched.getField("rule_severity").pos() : -1;
    this.toSampleRate = tagged ? enriched.getField("sample_rate").pos() : -1;
  }

  /**
   * Compiles the plan of a raw schema.
   *
   * @throws NotAnEvent when it lacks what every event has
   * @throws io.bianque.schemas.raw.InvalidSchema when no enriched schema can be derived from it
   */
  static EnrichPlan compile(Schema raw) {
    return new EnrichPlan(raw);
  }

  private static List<CgroupField> cgroups(Schema raw) {
    return raw.getFields().stream()
        .flatMap(field ->
            CgroupId.of(field.schema()).stream()
                .map(meaning ->
                    new CgroupField(field.name(), field.pos(), meaning, CgroupId.isOfEvent(field))))
        .toList();
  }

  private static int position(Schema raw, Map<Meaning, Integer> header, Meaning meaning) {
    Integer position = header.get(meaning);
    if (position == null) {
      throw new NotAnEvent(raw.getFullName() + " has no field of logical type " + meaning.word());
    }
    return position;
  }

  Schema enriched() {
    return enriched;
  }

  EventHeader header(GenericRecord raw) {
    return new EventHeader(
        raw.get(hostId).toString(),
        raw.get(bootId).toString(),
        (Long) raw.get(epoch),
        (Integer) raw.get(cpu),
        (Long) raw.get(sequence),
        (Long) raw.get(time));
  }

  /**
   * Looks up the event's cgroups, so that all that cannot be read yet has been found out before the
   * event is admitted.
   */
  void findCgroups(GenericRecord raw, Surroundings.Cgroups known) {
    for (CgroupField field : cgroups) {
      if (raw.get(field.position()) instanceof Long id) {
        var _ = known.find(field.meaning(), id);
      }
    }
  }

  /**
   * Asks for the names of the event's addresses, so that they are there when its turn comes, and
   * all that cannot be read yet has been found out before it is admitted.
   */
  void askNames(GenericRecord raw, Names.OfEvent names) {
    for (int position : addresses) {
      IpAddress address = address(raw.get(position));
      if (address != null) {
        var _ = names.name(address);
      }
    }
  }

  /**
   * The enriched event, but for {@link #lacks}: that is the caller's, who knows how long it has
   * waited.
   */
  GenericRecord enrich(
      GenericRecord raw, String eventId, String rulesVersion, Surroundings around) {
    GenericRecord event = new DerivedRecord(mapping, raw);
    event.put(toEventId, eventId);
    if (around.host().isPresent()) {
      Host host = around.host().get();
      event.put(toHostName, host.name());
      event.put(toKernelRelease, host.kernelRelease());
      event.put(toKernelBuildId, host.kernelBuildId());
    }
    event.put(toRulesVersion, rulesVersion);
    if (tagged) {
      event.put(toTags, List.of());
    }
    for (Step step : steps) {
      step.apply(raw, event, around);
    }
    return event;
  }

  /** Writes what the event lacks. */
  void lacks(GenericRecord event, List<String> missing) {
    event.put(toMissing, missing);
  }

  boolean isComplete(GenericRecord event) {
    return ((List<?>) event.get(toMissing)).isEmpty();
  }

  String eventId(GenericRecord event) {
    return (String) event.get(toEventId);
  }

  /** Writes what rules say of the event, where its schema has room for it. */
  void tag(GenericRecord event, Outcome.Passes passes) {
    if (tagged) {
      event.put(toTags, passes.tags());
      event.put(toSeverity, passes.severity().map(Severity::word).orElse(null));
      event.put(
          toSampleRate, passes.sampleRate().isPresent() ? passes.sampleRate().getAsLong() : null);
    }
  }

  private Step step(Schema.Field field, Optional<Meaning> meaning) {
    int from = field.pos();
    String name = field.name();
    if (meaning.equals(Optional.of(Meaning.USER_FRAMES))) {
      return present(
          from,
          enriched.getField(UserFrames.stackField(name)).pos(),
          (value, around) -> around.userStack((List<?>) value));
    }
    int to = enriched.getField(name).pos();
    if (meaning.isEmpty()) {
      return Meaning.notNull(field.schema()).getType() == Schema.Type.ENUM
          ? present(from, to, (value, around) -> value.toString().toLowerCase(Locale.ROOT))
          : copy(field, to);
    }
    return switch (meaning.get()) {
      case KERNEL_STACK ->
          KernelStack.isHashed(field.schema())
              ? hashedStack(
                  from,
                  to,
                  enriched.getField(hashField(name)).pos(),
                  enriched.getField(functionsHashField(name)).pos())
              : present(from, to, (value, around) -> around.stack((List<?>) value).frames());
      case USER_STACK ->
          // Of agents before user-frames: which file lies there, nobody knows any more.
          present(from, to, (value, around) -> Symbolizer.hex((List<?>) value));
      case KERNEL_ADDRESS ->
          // Where a drop was called from, as a rule: by the address itself, since it may as well be
          // an instruction.
          present(from, to, (value, around) -> around.frame((Long) value, false));
      case IP_ADDRESS -> address(field, to);
      case TCP_STATE -> named(name, from, to, NetworkNames::tcpState);
      case TCP_FLAGS ->
          present(from, to, (value, around) -> NetworkNames.tcpFlags((Integer) value));
      case IP_PROTOCOL ->
          present(
              from,
              to,
              (value, around) -> {
                // A protocol without a keyword is shown by its number, as IANA's own list does:
                // nothing is missing.
                String keyword = NetworkNames.ipProtocol((Integer) value);
                return keyword == null ? value.toString() : keyword;
              });
      case ETHER_TYPE ->
          present(from, to, (value, around) -> NetworkNames.etherType((Integer) value));
      case DROP_REASON, KERNEL_ENUM ->
          kernelEnum(
              KernelEnum.of(field.schema()).orElseThrow(),
              name,
              from,
              to,
              enriched.getField(codeField(name)).pos());
      case CGROUP_ID ->
          CgroupId.isOfEvent(field) || CgroupId.of(field.schema()).isEmpty()
              ? copy(field, to)
              : cgroup(field, to);
      case HOST_ID,
          BOOT_ID,
          PROBE_EPOCH,
          TIMESTAMP_NANOS,
          SEQUENCE,
          MONOTONIC_NANOS,
          UINT64,
          COUNTER,
          LOG2_HISTOGRAM ->
          copy(field, to);
      case USER_FRAMES -> throw new IllegalStateException("has a field of another name");
    };
  }

  private interface Translation {
    Object apply(Object value, Surroundings around);
  }

  /** The field as it is: its bytes, where both schemas write it alike. */
  private Step copy(Schema.Field field, int to) {
    int from = field.pos();
    if (DerivedRecord.Mapping.canTake(enriched.getFields().get(to).schema(), field.schema())) {
      taken.put(to, from);
      return NOTHING;
    }
    return (raw, event, around) -> event.put(to, raw.get(from));
  }

  /** Translates the value where there is one; what is absent stays absent. */
  private static Step present(int from, int to, Translation translation) {
    return (raw, event, around) -> {
      Object value = raw.get(from);
      event.put(to, value == null ? null : translation.apply(value, around));
    };
  }

  /** A number that stays a number, as text, where nobody has a name for it. */
  private static Step named(String field, int from, int to, IntFunction<String> names) {
    return present(
        from,
        to,
        (value, around) -> {
          String name = names.apply((Integer) value);
          if (name == null) {
            around.gaps().lacks(field + ": " + value + " has no name");
            return value.toString();
          }
          return name;
        });
  }

  private static Step hashedStack(int from, int to, int toHash, int toFunctionsHash) {
    return (raw, event, around) -> {
      Object addresses = raw.get(from);
      if (addresses != null) {
        Stack stack = around.stack((List<?>) addresses);
        event.put(to, stack.frames());
        event.put(toHash, stack.hash());
        event.put(toFunctionsHash, stack.functionsHash());
      }
    };
  }

  private static Step kernelEnum(KernelEnum type, String field, int from, int to, int toCode) {
    return (raw, event, around) -> {
      Long code = (Long) raw.get(from);
      event.put(toCode, code);
      event.put(to, code == null ? null : member(type, field, code, around));
    };
  }

  private static String member(KernelEnum type, String field, long code, Surroundings around) {
    // Numbers differ from kernel to kernel: only this host's own names are right.
    if (around.host().isEmpty()) {
      return Long.toString(code);
    }
    String name = around.host().get().enumName(type.name(), code);
    if (name == null) {
      around.gaps().lacks(field + ": " + code + " has no name in this kernel");
      return Long.toString(code);
    }
    return type.shown(name);
  }

  /** The id, and beside it what its cgroup is. */
  private Step cgroup(Schema.Field field, int to) {
    Step copy = copy(field, to);
    CgroupId meaning = CgroupId.of(field.schema()).orElseThrow();
    Schema.Field beside = enriched.getField(cgroupField(field.name()));
    Schema type = Meaning.notNull(beside.schema());
    CgroupFields fields = CgroupFields.in(type);
    return (raw, event, around) -> {
      copy.apply(raw, event, around);
      Long id = (Long) raw.get(field.pos());
      Container found = id == null ? null : around.cgroup(field.name(), meaning, id);
      if (found != null) {
        GenericRecord record = new GenericData.Record(type);
        fields.write(found, record);
        event.put(beside.pos(), record);
      }
    };
  }

  /** Of the fields' cgroups the first that is in a container, else the first that is known. */
  private Step eventsCgroup(List<CgroupField> ofEvent) {
    CgroupFields fields = CgroupFields.in(enriched);
    return (raw, event, around) -> {
      Container best = null;
      for (CgroupField field : ofEvent) {
        Long id = (Long) raw.get(field.position());
        Container found = id == null ? null : around.cgroup(field.name(), field.meaning(), id);
        if (found != null
            && (best == null
                || (best.getContainerId() == null && found.getContainerId() != null))) {
          best = found;
        }
      }
      if (best != null) {
        fields.write(best, event);
      }
    };
  }

  private Step address(Schema.Field field, int to) {
    int from = field.pos();
    String nameField = nameField(field.name());
    NameGap nameless = new NameGap(nameField);
    int toName = enriched.getField(nameField).pos();
    Place place = AddressType.isLocated(field.schema()) ? place(field.name()) : (_, _, _) -> {};
    return (raw, event, around) -> {
      Object value = raw.get(from);
      IpAddress address = address(value);
      if (address != null) {
        event.put(to, address.toString());
        event.put(toName, around.name(address, nameless));
        place.write(address, event, around);
      } else if (value != null) {
        int bytes = ((ByteBuffer) value).remaining();
        around.gaps().lacks(field.name() + ": " + bytes + " bytes are no address");
      }
    };
  }

  /** Fills the fields that say where an address is. */
  private interface Place {
    void write(IpAddress address, GenericRecord event, Surroundings around);
  }

  private Place place(String addressField) {
    int toSite = enriched.getField(siteField(addressField)).pos();
    int toOwner = enriched.getField(ownerField(addressField)).pos();
    return (address, event, around) -> {
      Network network = around.networks().find(address);
      if (network != null) {
        event.put(toSite, network.site());
        event.put(toOwner, network.owner());
      }
    };
  }

  private IpAddress address(Object value) {
    return value instanceof ByteBuffer bytes ? addressesSeen.of(bytes) : null;
  }
}
