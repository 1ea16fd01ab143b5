// SPDX-License-Identifier: Apache-2.0

// Package addons: tools/update-catalog copies this file into pkg/addons of a KubeOne checkout. It makes KubeOne's own
// code, and not a reading of it, say what a cluster gets.
package addons

import (
	"fmt"
	"io/fs"
	"reflect"
	"regexp"

	embeddedaddons "k8c.io/kubeone/addons"
	"k8c.io/kubeone/pkg/state"
)

var airlockImage = regexp.MustCompile(`(?m)^\s*-?\s*"?image"?:\s*"?'?([^\s"']+)`)

// airlockDeclared gives the declared addons, as the loop in EnsureUserAddons reads them: the type and its methods differ
// between releases. Where the type has Enable, it is the predicate of the task (pkg/tasks/tasks.go).
func airlockDeclared(s *state.State) []reflect.Value {
	if s.Cluster.Addons == nil {
		return nil
	}
	value := reflect.ValueOf(s.Cluster.Addons)
	if enable := value.Elem().FieldByName("Enable"); enable.IsValid() && !enable.Bool() {
		return nil
	}
	list := value.Elem().FieldByName("Addons")
	for _, method := range []string{"DeclaredAddonsOnly", "OnlyAddons"} {
		if m := value.MethodByName(method); m.IsValid() {
			list = m.Call(nil)[0]
		}
	}
	declared := []reflect.Value{}
	for i := 0; i < list.Len(); i++ {
		declared = append(declared, list.Index(i))
	}

	return declared
}

func airlockFolders(f fs.FS) (map[string]bool, error) {
	folders := map[string]bool{}
	if f == nil {
		return folders, nil
	}
	entries, err := fs.ReadDir(f, ".")
	for _, entry := range entries {
		if entry.IsDir() {
			folders[entry.Name()] = true
		}
	}

	return folders, err
}

// AirlockAddons says which addons KubeOne deploys for a cluster: addon to its images, and whether it comes from
// addons.path. The key "" stands for the files at the root of addons.path. Without render, no image is looked for.
func AirlockAddons(s *state.State, render bool) (map[string][]string, map[string]bool, error) {
	collected := collectAddons(s)
	names := []string{}
	for _, action := range collected {
		names = append(names, action.name)
	}
	// The applier needs credentials and makes certificates: only rendering is worth that.
	localFS, err := addonsLocalFS(s.Cluster.Addons, s.ManifestFilePath)
	if err != nil {
		return nil, nil, err
	}
	var renderer *applier
	if render {
		if renderer, err = newAddonsApplier(s); err != nil {
			return nil, nil, err
		}
	}
	local, err := airlockFolders(localFS)
	if err != nil {
		return nil, nil, err
	}
	embedded, err := airlockFolders(embeddedaddons.FS)
	if err != nil {
		return nil, nil, err
	}
	for name := range local {
		if _, ok := embeddedAddons[name]; !ok {
			names = append(names, name)
		}
	}
	for _, addon := range airlockDeclared(s) {
		name := addon.FieldByName("Name").String()
		if _, ok := embeddedAddons[name]; !ok && !addon.FieldByName("Delete").Bool() {
			names = append(names, name)
		}
	}
	if localFS != nil {
		names = append(names, "")
	}

	images, isLocal := map[string][]string{}, map[string]bool{}
	for _, name := range names {
		var filesystem fs.FS = embeddedaddons.FS
		if name == "" || local[name] {
			filesystem = localFS
			isLocal[name] = true
		} else if !embedded[name] {
			return nil, nil, fmt.Errorf("addon %q does not exist", name)
		}
		images[name] = []string{}
		if !render {
			continue
		}
		text, err := renderer.getManifestsFromDirectory(s, filesystem, name)
		if err != nil {
			return nil, nil, fmt.Errorf("addon %q: %w", name, err)
		}
		for _, match := range airlockImage.FindAllStringSubmatch(text, -1) {
			images[name] = append(images[name], match[1])
		}
	}

	return images, isLocal, nil
}
