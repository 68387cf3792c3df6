package dev.refrain.http.demo;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** The demo provider is a provider like any other: it does not depend on the cache in front of it. */
@AnalyzeClasses(packages = "dev.refrain.http.demo", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule itKnowsNothingElseOfOurs = noClasses()
            .should()
            .dependOnClassesThat(
                    resideInAPackage("dev.refrain..").and(resideOutsideOfPackage("dev.refrain.http.demo..")));
}
