package io.bianque.schemas.raw;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.avro.Schema;

/**
 * The id of a cgroup. Each hierarchy of cgroups counts by itself, so that an id means nothing
 * without its hierarchy: of one that does not say it, the number is all that is known.
 *
 * @param hierarchies in which the cgroup is looked for, one after another: {@link #UNIFIED}, or the
 *     controller in whose hierarchy it is, be that one of its own (v1) or the unified one
 */
public record CgroupId(List<String> hierarchies) {
  /** Cgroup v2's. */
  public static final String UNIFIED = "unified";

  /** Controllers by whose hierarchies events name cgroups, as v2 calls them. */
  public static final Set<String> CONTROLLERS = Set.of("memory", "cpu", "io");

  /** Property of the type beside {@code logicalType}. */
  public static final String HIERARCHY_PROPERTY = "hierarchy";

  /**
   * Value of a field's {@code ecs}: the event is of this cgroup's container. Of several fields that
   * say so the first is taken whose cgroup is in a container, else the first that is known.
   */
  public static final String ECS_OF_EVENT = "container";

  public CgroupId {
    hierarchies = List.copyOf(hierarchies);
  }

  /** What a field's type says of its cgroup; empty when it is of none, or of no hierarchy. */
  public static Optional<CgroupId> of(Schema type) {
    String hierarchy = Meaning.notNull(type).getProp(HIERARCHY_PROPERTY);
    return Meaning.of(type)
        .filter(meaning -> meaning == Meaning.CGROUP_ID && hierarchy != null)
        .map(_ -> new CgroupId(List.of(hierarchy.split(",", -1))));
  }

  /** Whether the field's cgroup is the one whose event it is. */
  public static boolean isOfEvent(Schema.Field field) {
    return ECS_OF_EVENT.equals(field.getProp("ecs")) && of(field.schema()).isPresent();
  }

  /** Whether all its hierarchies are ones that there are. */
  public boolean isSound() {
    return hierarchies.stream()
        .allMatch(name -> name.equals(UNIFIED) || CONTROLLERS.contains(name));
  }
}
