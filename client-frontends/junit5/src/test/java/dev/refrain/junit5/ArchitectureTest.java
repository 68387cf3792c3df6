package dev.refrain.junit5;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** The extension depends on JUnit, on the recordings, and on the proxy that plays them. */
@AnalyzeClasses(packages = "dev.refrain.junit5", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule nothingButJUnitRecordingsAndTheirProxy = classes()
            .should()
            .onlyDependOnClassesThat()
            .resideInAnyPackage(
                    "java..",
                    "org.junit.jupiter.api..",
                    "dev.refrain.junit5",
                    "dev.refrain.cassettes",
                    "dev.refrain.semantics.client",
                    "dev.refrain.http");
}
