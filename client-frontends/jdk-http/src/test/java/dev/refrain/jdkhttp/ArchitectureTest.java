package dev.refrain.jdkhttp;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** A front-end depends on its client library and, within Refrain, only on what all front-ends inside a JVM share. */
@AnalyzeClasses(packages = "dev.refrain.jdkhttp", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule nothingButTheJdkAndWhatIsShared = classes()
            .should()
            .onlyDependOnClassesThat()
            .resideInAnyPackage(
                    "java..",
                    "javax.net.ssl..",
                    "dev.refrain.jdkhttp..",
                    "dev.refrain.semantics",
                    "dev.refrain.semantics.client..",
                    "dev.refrain.engine");
}
