// SPDX-License-Identifier: Apache-2.0

// Command probe: tools/update-catalog copies this file into cmd/probe of a KubeOne checkout and runs it there.
//
//	probe fields   prints the fields of each API version of the KubeOneCluster manifest, by reflection
//	probe clusters reads lines {"id", "file", "render"} and prints for each what KubeOne's own code makes of the manifest
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"sort"
	"strings"

	"github.com/sirupsen/logrus"

	"k8c.io/kubeone/pkg/addons"
	kubeoneapi "k8c.io/kubeone/pkg/apis/kubeone"
	"k8c.io/kubeone/pkg/apis/kubeone/config"
	kubeonescheme "k8c.io/kubeone/pkg/apis/kubeone/scheme"
	"k8c.io/kubeone/pkg/containerruntime"
	"k8c.io/kubeone/pkg/state"
)

type question struct {
	ID     string `json:"id"`
	File   string `json:"file"`
	Render bool   `json:"render"`
}

type answer struct {
	ID         string              `json:"id"`
	Error      string              `json:"error,omitempty"`
	Stage      string              `json:"stage"`
	External   bool                `json:"external"`
	Addons     map[string][]string `json:"addons,omitempty"`
	Local      map[string]bool     `json:"local,omitempty"`
	Sandbox    string              `json:"sandbox,omitempty"`
	Kubernetes string              `json:"kubernetes,omitempty"`
	CoreDNS    string              `json:"coredns,omitempty"`
	Containerd map[string]string   `json:"containerd,omitempty"`
}

// fieldsOf describes what the strict decoder takes: a mapping by field, [item] for lists, {"*": value} for maps.
func fieldsOf(t reflect.Type, open map[reflect.Type]bool) any {
	for t.Kind() == reflect.Ptr {
		t = t.Elem()
	}
	unmarshaler := reflect.TypeOf((*json.Unmarshaler)(nil)).Elem()
	if reflect.PtrTo(t).Implements(unmarshaler) || open[t] {
		return "any"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "bool"
	case reflect.String:
		return "string"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "integer"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "any"
		}

		return []any{fieldsOf(t.Elem(), open)}
	case reflect.Map:
		return map[string]any{"*": fieldsOf(t.Elem(), open)}
	case reflect.Struct:
		open[t] = true
		defer delete(open, t)
		fields := map[string]any{}
		addFields(t, open, fields)

		return fields
	default:
		return "any"
	}
}

func addFields(t reflect.Type, open map[reflect.Type]bool, fields map[string]any) {
	for i := 0; i < t.NumField(); i++ {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" || field.PkgPath != "" && !field.Anonymous {
			continue
		}
		if field.Anonymous && (name == "" || strings.Contains(options, "inline")) {
			inner := field.Type
			for inner.Kind() == reflect.Ptr {
				inner = inner.Elem()
			}
			addFields(inner, open, fields)

			continue
		}
		if name == "" {
			name = field.Name
		}
		fields[name] = fieldsOf(field.Type, open)
	}
}

func printFields() {
	versions := map[string]any{}
	for kind, goType := range kubeonescheme.Scheme.AllKnownTypes() {
		if kind.Kind == "KubeOneCluster" && kind.Version != "__internal" {
			versions[kind.GroupVersion().String()] = fieldsOf(goType, map[reflect.Type]bool{})
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(versions); err != nil {
		panic(err)
	}
}

func containerdFiles(cluster *kubeoneapi.KubeOneCluster) (map[string]string, error) {
	data := map[string]any{}
	if err := containerruntime.UpdateDataMap(cluster, data); err != nil {
		return nil, err
	}
	if text, ok := data["CONTAINER_RUNTIME_CONFIG"].(string); ok {
		return map[string]string{fmt.Sprint(data["CONTAINER_RUNTIME_CONFIG_PATH"]): text}, nil
	}
	files := map[string]string{}
	// Since 1.13 an ordered map of its own type, which older releases do not have.
	ordered := reflect.ValueOf(data["CONTAINER_RUNTIME_CONFIGS"])
	if iterate := ordered.MethodByName("Iter"); iterate.IsValid() {
		yield := reflect.MakeFunc(iterate.Type().Out(0).In(0), func(pair []reflect.Value) []reflect.Value {
			files[pair[0].String()] = pair[1].String()

			return []reflect.Value{reflect.ValueOf(true)}
		})
		iterate.Call(nil)[0].Call([]reflect.Value{yield})

		return files, nil
	}

	return nil, fmt.Errorf("cannot read %T", data["CONTAINER_RUNTIME_CONFIGS"])
}

func ask(q question) (a answer) {
	a.ID = q.ID
	defer func() {
		if e := recover(); e != nil {
			a.Error = fmt.Sprint("panic: ", e)
		}
	}()
	logger := logrus.New()
	logger.Out = io.Discard
	a.Stage = "load"
	cluster, err := config.LoadKubeOneCluster(q.File, os.Getenv("PROBE_TERRAFORM"), "", logger)
	if err != nil {
		a.Error = err.Error()

		return a
	}
	a.Kubernetes = cluster.Versions.Kubernetes
	a.External = cluster.CloudProvider.External
	s, err := state.New(context.Background())
	if err != nil {
		a.Error = err.Error()

		return a
	}
	s.Logger = logger
	s.Cluster = cluster
	s.ManifestFilePath = q.File
	s.LiveCluster = &state.Cluster{CCMClusterName: cluster.Name}
	for _, name := range []string{"ca.crt", "ca.key"} {
		content, readErr := os.ReadFile(os.Getenv("PROBE_CA") + "/" + name)
		if readErr != nil {
			a.Error = readErr.Error()

			return a
		}
		s.Configuration.KubernetesPKI["/etc/kubernetes/pki/"+name] = content
	}
	s.PauseImage = cluster.RegistryConfiguration.ImageRegistry("registry.k8s.io") + "/pause:KUBEADM"
	a.Stage = "containerd"
	if a.Containerd, err = containerdFiles(cluster); err != nil {
		a.Error = err.Error()

		return a
	}
	if core := reflect.ValueOf(cluster.Features.CoreDNS); core.IsValid() && !core.IsNil() {
		if repository := core.Elem().FieldByName("ImageRepository"); repository.IsValid() {
			a.CoreDNS = repository.String()
		}
	}
	a.Stage = "addons"
	if a.Addons, a.Local, err = addons.AirlockAddons(s, q.Render); err != nil {
		a.Error = err.Error()

		return a
	}
	for _, images := range a.Addons {
		sort.Strings(images)
	}
	a.Stage = "done"

	return a
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "fields" {
		printFields()

		return
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for lines.Scan() {
		var q question
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			panic(err)
		}
		if err := out.Encode(ask(q)); err != nil {
			panic(err)
		}
	}
}
