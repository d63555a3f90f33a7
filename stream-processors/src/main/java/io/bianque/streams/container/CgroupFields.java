package io.bianque.streams.container;

import io.bianque.facts.Container;
import io.bianque.schemas.derive.EnrichedSchema;
import java.util.List;
import java.util.function.Function;
import org.apache.avro.Schema;
import org.apache.avro.generic.IndexedRecord;

/**
 * Writes what is known of a cgroup into a record that has {@link EnrichedSchema#OF_CGROUP} among
 * its fields. Immutable.
 */
public final class CgroupFields {
  private record Place(int position, Function<Container, String> value) {}

  private final List<Place> places;

  private CgroupFields(List<Place> places) {
    this.places = places;
  }

  public static CgroupFields in(Schema record) {
    return new CgroupFields(
        EnrichedSchema.OF_CGROUP.stream()
            .map(name -> new Place(record.getField(name).pos(), value(name)))
            .toList());
  }

  public void write(Container container, IndexedRecord to) {
    for (Place place : places) {
      to.put(place.position(), place.value().apply(container));
    }
  }

  private static Function<Container, String> value(String field) {
    return switch (field) {
      case "container_id" -> Container::getContainerId;
      case "container_name" -> Container::getContainerName;
      case "container_image" -> Container::getContainerImage;
      case "container_runtime" -> Container::getContainerRuntime;
      case "pod_uid" -> Container::getPodUid;
      case "pod_name" -> Container::getPodName;
      case "pod_namespace" -> Container::getPodNamespace;
      case "pod_qos" -> Container::getPodQos;
      case "systemd_unit" -> Container::getSystemdUnit;
      case "systemd_slice" -> Container::getSystemdSlice;
      case "cgroup_path" -> Container::getPath;
      default -> throw new IllegalArgumentException("nothing is known as " + field);
    };
  }
}
