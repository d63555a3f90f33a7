package io.bianque.agent;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

@AnalyzeClasses(packages = "io.bianque.agent", importOptions = ImportOption.DoNotIncludeTests.class)
class DependencyTest {

  @ArchTest
  static final ArchRule NATIVE_CODE_IS_REACHED_THROUGH_ONE_PACKAGE =
      noClasses()
          .that(not(resideInAPackage("io.bianque.agent.libbpf")))
          .should()
          .dependOnClassesThat()
          .resideInAPackage("java.lang.foreign..");

  @ArchTest
  static final ArchRule PACKAGES_DEPEND_ONE_WAY =
      slices().matching("io.bianque.agent.(*)..").should().beFreeOfCycles();

  @ArchTest static final ArchRule LIBBPF_KNOWS_NO_OTHER_PACKAGE = onlyKnows("libbpf");

  @ArchTest static final ArchRule BTF_KNOWS_NO_OTHER_PACKAGE = onlyKnows("btf");

  @ArchTest static final ArchRule ENCODING_KNOWS_TYPES_ONLY = onlyKnows("encode", "btf");

  @ArchTest
  static final ArchRule PROBES_KNOW_NOT_WHERE_EVENTS_GO =
      onlyKnows("probe", "btf", "encode", "libbpf", "source");

  @ArchTest static final ArchRule SOURCES_KNOW_NO_PROBES = onlyKnows("source", "libbpf");

  private static ArchRule onlyKnows(String name, String... known) {
    String[] allowed = new String[known.length + 1];
    allowed[0] = "io.bianque.agent." + name;
    for (int i = 0; i < known.length; i++) {
      allowed[i + 1] = "io.bianque.agent." + known[i];
    }
    return noClasses()
        .that(resideInAPackage(allowed[0]))
        .should()
        .dependOnClassesThat(
            resideInAPackage("io.bianque.agent..")
                .and(
                    not(
                        com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage(
                            allowed))));
  }
}
